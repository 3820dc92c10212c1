/** What the service manager and people ask of a running agent. */
export interface AgentSignals {
  /** SIGTERM, SIGINT. */
  readonly stop: AbortSignal;
  /** SIGHUP. */
  readonly onHangup: (listener: () => void) => void;
}
