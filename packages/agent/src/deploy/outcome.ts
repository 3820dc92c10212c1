/** How a look at the registry ended; failures are thrown. */
export type Outcome =
  /** What is wanted runs already. */
  | { readonly kind: 'current'; readonly hash: string }
  | { readonly kind: 'deployed'; readonly hash: string }
  /** It failed before, the host said not now, or its random delay is not over; `ms` may be infinite. */
  | { readonly kind: 'waiting'; readonly hash: string; readonly ms: number; readonly isDelayed?: true };
