import type { Connection as SshClient } from 'ssh2';
import { insideOf } from './ssh2-inside.js';

/** The first message number of a key exchange (RFC 4250, section 4.1.2): the client's part, which makes the server compute. */
const FIRST_OF_EXCHANGE = 30;
/** Messages that are held at most. An honest client sends one and waits for the answer, or two after a wrong guess of the method. */
const MAX_HELD = 4;

export interface ExchangeGateOptions {
  readonly client: SshClient;
  /** @param work called when its turn has come. */
  readonly takeTurn: (work: () => void) => void;
  /** Called when the client broke a rule; its messages are ignored from then on. The callee ends the connection. */
  readonly onViolation: (reason: string) => void;
}

/**
 * Holds back a client's part of the first key exchange until its turn has come. Called when ssh2 has read the client's
 * identification line, and nothing after it.
 */
export function holdKeyExchange({ client, takeTurn, onViolation }: ExchangeGateOptions): void {
  const decipher = insideOf(client)._protocol._decipher;
  const pass = decipher._onPayload;
  const held: Buffer[] = [];
  const gate = (payload: Buffer): unknown => {
    if (held.length === 0 && (payload[0] ?? 0) < FIRST_OF_EXCHANGE) return pass(payload);
    held.push(Buffer.from(payload));
    if (held.length === 1) takeTurn(letPass);
    if (held.length <= MAX_HELD) return undefined;
    decipher._onPayload = () => Number.POSITIVE_INFINITY;
    onViolation('more than one message of a key exchange at once');
    return Number.POSITIVE_INFINITY;
  };
  const letPass = (): void => {
    if (decipher._onPayload !== gate) return; // the connection has ended
    decipher._onPayload = pass;
    try {
      for (const payload of held.splice(0)) if (pass(payload) !== undefined) break;
    } catch (error) {
      client.emit('error', error instanceof Error ? error : new Error(String(error)));
    }
  };
  decipher._onPayload = gate;
}
