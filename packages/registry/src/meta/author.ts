/** The author of a change. */
export interface Author {
  readonly fingerprint: string;
  readonly comment: string;
  /** The SSH user name and the IP address; empty where they were not recorded. */
  readonly user: string;
  readonly address: string;
}
