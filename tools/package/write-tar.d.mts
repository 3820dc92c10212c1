export interface TarRequest {
  readonly dir: string;
  readonly root: string;
  readonly to: string;
  readonly time: Date;
}
export function writeTar(request: TarRequest): Promise<void>;
