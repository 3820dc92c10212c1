import type { Feed } from '../core/feed.js';
import type { Activity } from './activity.js';
import type { TextOutlet } from './text-outlet.js';

/** The feed of one command. It ends when the peer leaves, when the registry stops, or by {@link end}. */
export class ChannelFeed implements Feed {
  readonly signal: AbortSignal;
  readonly terminal: boolean;
  readonly send: (text: string) => Promise<void>;
  readonly #ending = new AbortController();
  readonly #outlet: TextOutlet;
  readonly #forgetStop: () => void;

  /** @param stream the channel of the outlet, or a stream that writes to it. */
  constructor(
    outlet: TextOutlet,
    stream: NodeJS.WritableStream,
    { activity, terminal }: { readonly activity: Activity; readonly terminal: boolean },
  ) {
    this.terminal = terminal;
    this.signal = this.#ending.signal;
    this.send = (text) => outlet.send(stream, text, this.signal);
    this.#outlet = outlet;
    this.#forgetStop = activity.onStop(this.end);
    outlet.left.addEventListener('abort', this.end);
    if (outlet.left.aborted) this.end();
  }

  /** Ends the feed: nothing more is sent, and a send that waits resolves. */
  readonly end = (): void => this.#ending.abort();

  /** Ends the feed's interest in the peer and the shutdown; called when the command is over. */
  close(): void {
    this.#forgetStop();
    this.#outlet.left.removeEventListener('abort', this.end);
  }
}
