import { randomUUID } from 'node:crypto';
import { Delivery, type DeliveryReport } from '@deploy-tools/notices/delivery.js';
import type { Environment } from '@deploy-tools/notices/environment.js';
import type { Notice } from '@deploy-tools/notices/notice.js';
import { checkReceiver, openReceiver, type ReceiverTools } from '@deploy-tools/notices/open-receiver.js';
import {
  type AllowedPrograms,
  type Message,
  type MessageStore,
  messageSchema,
  type Receiver,
  sendWithin,
  type ThreadMemory,
  type WaitingMessage,
} from '@deploy-tools/notices/receiver.js';
import { wordNotice } from '@deploy-tools/notices/wording.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { MetaStore } from '../../meta/meta-store.js';
import type { ReceiverRecord, WaitingRecord } from '../../meta/notice-store.js';

const MAX_RECEIVERS = 50;
/** Threads whose references are stored for each receiver. */
const MAX_THREADS = 100;
const TEST_MS = 30_000;

export interface NotifierOptions {
  readonly meta: MetaStore;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly environment: Environment;
  readonly programs: AllowedPrograms;
}

/** A receiver and the report of its deliveries; the report is undefined when the URL cannot be used any more. */
export interface ListedReceiver {
  readonly record: ReceiverRecord;
  readonly report: DeliveryReport | undefined;
}

interface OpenReceiver {
  readonly record: ReceiverRecord;
  readonly receiver: Receiver;
  readonly delivery: Delivery;
}

/** Sends notices to the stored receivers and reports the deliveries. */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #records = new Map<number, ReceiverRecord>();
  readonly #open = new Map<number, OpenReceiver>();

  private constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Loads the stored receivers and their waiting messages. A receiver that cannot be used any more is logged and gets none. */
  static async open(options: NotifierOptions): Promise<Notifier> {
    const notifier = new Notifier(options);
    for (const record of await options.meta.read(({ notices }) => notices.receivers())) {
      try {
        const waiting = await options.meta.read(({ notices }) => notices.waiting(record.id));
        const messages = waiting.flatMap((stored) => notifier.#decode(record.id, stored));
        notifier.#openReceiver(record).delivery.resume(messages);
      } catch (error) {
        options.log.error(
          { receiver: record.id, err: describeError(error) },
          'a receiver of notices cannot be used',
        );
      }
    }
    return notifier;
  }

  /** By id. */
  list(): ListedReceiver[] {
    return [...this.#records.values()].map((record) => ({
      record,
      report: this.#open.get(record.id)?.delivery.report(),
    }));
  }

  /** @throws DeployError usage, denied, exists, too-large; the reason why the receiver cannot be used. */
  async add(wanted: Omit<ReceiverRecord, 'id' | 'added'>): Promise<ReceiverRecord> {
    await checkReceiver(wanted.url, this.#options);
    const added = this.#options.clock().toISOString();
    const record = await this.#options.meta.write(async ({ notices }) => {
      const known = await notices.receivers();
      const same = known.find(({ url }) => url === wanted.url);
      if (same !== undefined) {
        throw new DeployError('exists', `receiver ${same.id} has this URL already`, {
          hint: `change it by: notify remove ${same.id}, and notify add`,
        });
      }
      if (known.length >= MAX_RECEIVERS) {
        throw new DeployError('too-large', `there are ${MAX_RECEIVERS} receivers already`, {
          hint: 'remove some',
        });
      }
      return notices.addReceiver({ ...wanted, added });
    });
    this.#openReceiver(record);
    return record;
  }

  /** Removes a receiver; messages that wait for it are not delivered. @throws DeployError not-found. */
  async remove(id: number): Promise<void> {
    this.require(id);
    await this.#options.meta.write(({ notices }) => notices.deleteReceiver(id));
    const open = this.#open.get(id);
    this.#records.delete(id);
    this.#open.delete(id);
    await open?.delivery.close(0);
  }

  /** Sends a test message without the queue. @throws DeployError not-found; the receiver's error. */
  async test(id: number, author: string): Promise<void> {
    const record = this.require(id);
    await checkReceiver(record.url, this.#options);
    const receiver = this.#open.get(id)?.receiver ?? this.#openReceiver(record).receiver;
    const time = this.#options.clock().toISOString();
    const message = wordNotice({ event: 'test', time, author }, randomUUID());
    await sendWithin(receiver, message, { ms: TEST_MS });
  }

  /** @throws DeployError not-found. */
  require(id: number): ReceiverRecord {
    const record = this.#records.get(id);
    if (record !== undefined) return record;
    throw new DeployError('not-found', `there is no receiver ${id}`, {
      hint: 'notify list shows the receivers',
    });
  }

  /** Queues a notice for the receivers that want it; returns at once. */
  notify(notice: Notice): void {
    const message = wordNotice(notice, randomUUID());
    this.#options.log.debug({ event: notice.event, title: message.title }, 'notice');
    for (const { record, delivery } of this.#open.values()) {
      if (isWanted(record, notice)) delivery.offer(message);
    }
  }

  /** Delivers waiting messages within this time; the rest waits for the next start. */
  async close(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ delivery }) => delivery.close(deadlineMs)));
  }

  /** Empty for a message that cannot be read: the others are delivered all the same. */
  #decode(receiver: number, { since, message }: WaitingRecord): WaitingMessage[] {
    try {
      return [{ since, message: decodeMessage(message) }];
    } catch (error) {
      const facts = { receiver, err: describeError(error) };
      this.#options.log.error(facts, 'a message that waited for a receiver cannot be read and is left out');
      return [];
    }
  }

  #openReceiver(record: ReceiverRecord): OpenReceiver {
    this.#records.set(record.id, record);
    const { environment, clock, programs, log } = this.#options;
    const tools: ReceiverTools = { environment, clock, programs, threads: this.#threadsOf(record.id) };
    const receiver = openReceiver(record.url, tools);
    const store = this.#storeOf(record.id);
    const open = { record, receiver, delivery: new Delivery(receiver, { clock, log, store }) };
    this.#open.set(record.id, open);
    return open;
  }

  /** A message that cannot be stored waits in memory alone. */
  #storeOf(receiver: number): MessageStore {
    const { meta, log } = this.#options;
    const failed = (error: unknown) =>
      log.error(
        { receiver, err: describeError(error) },
        'a waiting message cannot be stored; it is kept in memory',
      );
    return {
      put: ({ message, since }) => {
        const record = { id: message.id, since, message: JSON.stringify(message) };
        meta.write(({ notices }) => notices.putWaiting(receiver, record)).catch(failed);
      },
      takeOut: (id) => {
        meta.write(({ notices }) => notices.deleteWaiting(receiver, id)).catch(failed);
      },
    };
  }

  #threadsOf(id: number): ThreadMemory {
    const { meta } = this.#options;
    return {
      recall: (thread) => meta.read(({ notices }) => notices.thread(id, thread)),
      keep: (thread, reference) =>
        meta.write(({ notices }) => notices.putThread(id, { thread, reference }, MAX_THREADS)),
    };
  }
}

/** Reads a message that this or an earlier version stored. @throws DeployError corrupt. */
export function decodeMessage(text: string): Message {
  return decodeJson(text, messageSchema, { what: 'a message to a receiver in registry.db', kind: 'corrupt' });
}

/** Whether a receiver gets a notice: its events and its names, where it has any, must match. */
export function isWanted(
  { events, names }: Pick<ReceiverRecord, 'events' | 'names'>,
  notice: Notice,
): boolean {
  if (events.length > 0 && !events.includes(notice.event)) return false;
  return names.length === 0 || subjectsOf(notice).some((subject) => names.includes(subject));
}

function subjectsOf(notice: Notice): readonly string[] {
  if ('component' in notice) return [notice.component];
  if ('configuration' in notice) return [notice.configuration];
  return 'configurations' in notice ? notice.configurations : [];
}
