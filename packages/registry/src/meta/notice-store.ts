/** A receiver of notices. */
export interface ReceiverRecord {
  /** From 1; never used again. */
  readonly id: number;
  /** Names the places of secrets, and contains none. */
  readonly url: string;
  /** The events that the receiver gets; empty for all. */
  readonly events: readonly string[];
  /** The configurations and components whose notices it gets; empty for all. */
  readonly names: readonly string[];
  /** RFC 3339 UTC. */
  readonly added: string;
  /** The fingerprint of the key that added it. */
  readonly fingerprint: string;
  readonly comment: string;
}

/** The notices of a configuration's last rollout that were sent, so that none is sent twice. */
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
  /** JSON, as notices/src/receiver.ts describes it. */
  readonly message: string;
}

/** The reference of a receiver's thread. */
export interface ThreadRecord {
  readonly thread: string;
  /** The receiver's name of the thread, such as the id of its first message. */
  readonly reference: string;
}

/** The reads of receivers and their notices. */
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
  /** @returns the receiver with its id. */
  addReceiver(receiver: Omit<ReceiverRecord, 'id'>): Promise<ReceiverRecord>;
  /** Deletes a receiver with its threads and waiting messages. @returns whether there was one. */
  deleteReceiver(id: number): Promise<boolean>;
  /** Inserts a rollout, or replaces the rollout of that configuration. */
  putRollout(rollout: RolloutRecord): Promise<void>;
  /** A host that is there already is not an error. */
  addLostHost(host: string): Promise<void>;
  deleteLostHost(host: string): Promise<void>;
  /** Inserts or replaces the reference of a thread, and keeps the newest `keep` threads. Does nothing without that receiver. */
  putThread(receiver: number, thread: ThreadRecord, keep: number): Promise<void>;
  /** Appends a message; a message with that id keeps its place and time. Does nothing without that receiver. */
  putWaiting(receiver: number, waiting: WaitingRecord): Promise<void>;
  deleteWaiting(receiver: number, id: string): Promise<void>;
}
