/** A receiver of notices. */
export interface ReceiverRecord {
  /** From 1; never given twice. */
  readonly id: number;
  /** Names where secrets are, and holds none. */
  readonly url: string;
  /** Only these events; empty for all. */
  readonly events: readonly string[];
  /** Only what is about these configurations or components; empty for all. */
  readonly names: readonly string[];
  /** RFC 3339 UTC. */
  readonly added: string;
  /** Of the key that added it. */
  readonly fingerprint: string;
  readonly comment: string;
}

/** What receivers were notified of about a configuration's last rollout, so that no notice is sent twice. */
export interface RolloutRecord {
  readonly configuration: string;
  readonly revision: number;
  /** JSON, as core/notices/rollout-state.ts writes and reads it. */
  readonly state: string;
}

/** A message that waits for a receiver. */
export interface WaitingRecord {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** JSON, as core/notices/stored-message.ts writes and reads it. */
  readonly message: string;
}

/** What a receiver remembers of one thread. */
export interface ThreadRecord {
  readonly thread: string;
  /** In the receiver's own terms, such as the id of its first message. */
  readonly reference: string;
}

/** What notices need, as a transaction sees it. */
export interface NoticeReader {
  /** By id. */
  receivers(): Promise<readonly ReceiverRecord[]>;
  /** By configuration. */
  rollouts(): Promise<readonly RolloutRecord[]>;
  /** Hosts that were announced as lost; by name. */
  lostHosts(): Promise<readonly string[]>;
  /** The reference of a receiver's thread. */
  thread(receiver: number, thread: string): Promise<string | undefined>;
  /** Oldest first. */
  waiting(receiver: number): Promise<readonly WaitingRecord[]>;
}

export interface NoticeWriter extends NoticeReader {
  /** @returns it with its id. */
  addReceiver(receiver: Omit<ReceiverRecord, 'id'>): Promise<ReceiverRecord>;
  /** With its threads and what waits for it. @returns whether there was one. */
  deleteReceiver(id: number): Promise<boolean>;
  /** Inserts it, or replaces that of the same configuration. */
  putRollout(rollout: RolloutRecord): Promise<void>;
  /** Adding what is there does nothing. */
  addLostHost(host: string): Promise<void>;
  /** Deleting what is not there does nothing. */
  deleteLostHost(host: string): Promise<void>;
  /**
   * Inserts it, or replaces the reference of that thread, and leaves the newest `keep` threads of that receiver. Does
   * nothing where there is no such receiver.
   */
  putThread(receiver: number, thread: ThreadRecord, keep: number): Promise<void>;
  /** Appends it; one with that id keeps its place and time. Does nothing where there is no such receiver. */
  putWaiting(receiver: number, waiting: WaitingRecord): Promise<void>;
  /** Deleting what is not there does nothing. */
  deleteWaiting(receiver: number, id: string): Promise<void>;
}
