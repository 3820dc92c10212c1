import { DeployError, describeError } from '@deploy-tools/shared/errors.js';

/** The limit of standard input: a Consul event has at most some kilobytes, and a handler gets at most 256 events. */
const MAX_BYTES = 4 * 1024 * 1024;
const BRACKET = '['.charCodeAt(0);
const NEWLINE = '\n'.charCodeAt(0);

interface DeployFileSource {
  /** From the command line. */
  readonly argument: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
}

/**
 * Finds the URL of the manifest: the argument, the payload of Consul's last event on standard input, or the first line of
 * standard input, which a handler of Serf's user events gets.
 * @returns undefined when Consul reports that it has no event.
 * @throws DeployError invalid.
 */
export async function manifestUrl(source: DeployFileSource): Promise<string | undefined> {
  const { argument, environment, stdin } = source;
  if (argument !== undefined && argument !== '') return argument;
  const underConsul = isUnderConsul(environment);
  const text = await textOf(stdin, underConsul);
  if (underConsul || text.startsWith('[')) return consulPayload(text);
  const url = (text.split('\n', 1)[0] ?? '').trim();
  if (url !== '') return url;
  const event = environment.SERF_USER_EVENT;
  throw new DeployError(
    'invalid',
    event ? `the Serf event "${event}" has no payload` : 'there is no URL of a manifest on standard input',
    { hint: event ? `send one: serf event ${event} URL` : 'give one as an argument, or as a line' },
  );
}

/** Whether `consul watch` runs this program as a handler; it ends when the handler fails. */
export function isUnderConsul(environment: DeployFileSource['environment']): boolean {
  return environment.CONSUL_INDEX !== undefined && environment.CONSUL_INDEX !== '';
}

/** Reads the whole list, or else until the first line is complete: the sender need not end then. */
async function textOf(stdin: AsyncIterable<Uint8Array>, isList: boolean): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of stdin) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > MAX_BYTES) throw new DeployError('too-large', 'standard input is too long for an event');
    if (!isList && pieces[0]?.[0] !== BRACKET && piece.includes(NEWLINE)) break;
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** The payload of the last event of `consul watch -type event`: a list of objects whose `Payload` is base64 or null. */
function consulPayload(text: string): string | undefined {
  const events = consulEvents(text);
  if (events.length === 0) return undefined;
  const payload = (events.at(-1) as { readonly Payload?: unknown } | null)?.Payload;
  const url = typeof payload === 'string' ? Buffer.from(payload, 'base64').toString('utf8').trim() : '';
  if (url !== '') return url;
  throw new DeployError('invalid', "Consul's last event has no payload", {
    hint: 'send one: consul event -name NAME URL',
  });
}

function consulEvents(text: string): readonly unknown[] {
  if (text.trim() === '') return [];
  try {
    const events: unknown = JSON.parse(text);
    if (Array.isArray(events)) return events;
    if (events === null) return [];
  } catch (error) {
    throw new DeployError('invalid', `Consul's events cannot be read: ${describeError(error)}`, {
      cause: error,
    });
  }
  throw new DeployError('invalid', "Consul's events are no list", {
    hint: 'use consul watch -type event',
  });
}
