import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ObjectContext, OpenKind, OpenUrl } from '../opened-object.js';
import { openFile } from './file-object.js';
import { openHttp } from './http-object.js';
import { showUrl } from './show-url.js';

const TIMES = { headerTimeoutMs: 30_000, idleTimeoutMs: 60_000 } as const;

/** @param timeoutMs for answers and for pieces of bodies; undefined for the defaults. */
export function objectContext(
  environment: ObjectContext['environment'],
  timeoutMs: number | undefined,
): ObjectContext {
  const times = timeoutMs === undefined ? TIMES : { headerTimeoutMs: timeoutMs, idleTimeoutMs: timeoutMs };
  return { environment, ...times };
}

/** Makes a function that opens URLs. It loads the code for a kind of URL with the first such URL, and never retries. */
export function urlOpener(options: Pick<ObjectContext, 'environment'> & Partial<ObjectContext>): OpenUrl {
  const context: ObjectContext = { ...TIMES, ...options };
  const loaded = new Map<string, Promise<OpenKind>>();
  const kindOf = (protocol: string): Promise<OpenKind> | undefined => {
    const load = Object.hasOwn(KINDS, protocol) ? KINDS[protocol] : undefined;
    const kind = loaded.get(protocol) ?? load?.(context);
    if (kind !== undefined) loaded.set(protocol, kind);
    return kind;
  };
  return async (text, from, signal) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const open = url === undefined ? undefined : await kindOf(url.protocol);
    if (url === undefined || open === undefined) {
      throw new DeployError('invalid', `"${showUrl(text)}" is no URL of a known kind`, {
        hint: 'give s3://BUCKET/KEY, gs://BUCKET/OBJECT, http://…, https://… or file:///PATH',
      });
    }
    if (signal.aborted) throw new DeployError('cancelled', `${showUrl(text)} was given up`);
    return await open(url, from, signal);
  };
}

const KINDS: Readonly<Record<string, (context: ObjectContext) => Promise<OpenKind>>> = {
  'file:': async (context) => async (url, from, signal) => openFile(url, from, signal, context),
  'http:': async (context) => (url, from, signal) => openHttp(url, from, signal, context),
  'https:': async (context) => (url, from, signal) => openHttp(url, from, signal, context),
  's3:': async (context) => (await import('./s3-object.js')).s3Objects(context),
  'gs:': async (context) => (await import('./gs-object.js')).googleStorage(context),
};
