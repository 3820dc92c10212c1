/** The place in a source's URL. */
export type SourcePlace =
  | { readonly scheme: 'ghr'; readonly owner: string; readonly repository: string }
  | {
      readonly scheme: 's3';
      readonly region: string;
      readonly bucket: string;
      /** Without slashes at its ends; may be empty. */
      readonly prefix: string;
      /** `http(s)://…` of another server than Amazon's. */
      readonly endpoint: string | undefined;
    }
  | { readonly scheme: 'gs'; readonly bucket: string; readonly prefix: string }
  | { readonly scheme: 'grpc'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly scheme: 'img'; readonly host: string; readonly repository: string }
  | { readonly scheme: 'file'; readonly directory: string };

export type SourceScheme = SourcePlace['scheme'];
