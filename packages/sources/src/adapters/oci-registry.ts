import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DeployError, isMissing } from '@deploy-tools/shared/errors.js';
import { checkJson, type JsonSubject } from '@deploy-tools/shared/json/decode-json.js';
import { lenient } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { httpError } from '../objects/http-errors.js';
import { httpGet, httpJson } from '../objects/http-request.js';
import type { ObjectContext } from '../opened-object.js';
import { bearerChallenge, isOnThisHost } from './bearer-challenge.js';

/** Manifests are at most 4 MiB (OCI distribution-spec); lists of tags may be longer. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_TOKEN_BYTES = 1024 * 1024;
/** The default lifetime of a token (Docker's token specification), and the part of it that is not used. */
const TOKEN_SECONDS = 60;
const MARGIN_SECONDS = 15;

/** The older name of `token` is `access_token`; servers send one of them, or both alike. */
const tokenSchema = z.pipe(
  z.object({
    token: z.nullish(z.string()),
    access_token: z.nullish(z.string()),
    expires_in: lenient(z.number()),
  }),
  z.transform(({ token, access_token, expires_in }, context) => {
    const word = token ?? access_token ?? undefined;
    if (word !== undefined) return { token: word, expires_in };
    context.issues.push({ code: 'custom', input: token, path: ['token'] });
    return z.NEVER;
  }),
);

const dockerConfigSchema = z.object({
  auths: z.nullish(z.record(z.string(), lenient(z.object({ auth: lenient(z.string()) })))),
});

interface OciAnswer {
  readonly json: unknown;
  readonly link: string | undefined;
}

interface Token {
  readonly authorization: string;
  readonly until: number;
}

/**
 * One repository of an OCI registry, with its token authentication. User name and password come from `auths` in Docker's
 * configuration (`$DOCKER_CONFIG/config.json` or `~/.docker/config.json`); without them requests are anonymous. Registries
 * on this host are used by http, as container tools do.
 */
export class OciRegistry {
  readonly #base: string;
  readonly #host: string;
  readonly #label: string;
  readonly #context: ObjectContext;
  #token: Promise<Token> | undefined;

  constructor(label: string, host: string, repository: string, context: ObjectContext) {
    const name = host.replace(/:\d+$/, '');
    this.#base = `${isOnThisHost(name) ? 'http' : 'https'}://${host}/v2/${repository}`;
    this.#host = host;
    this.#label = label;
    this.#context = context;
  }

  /** GETs JSON. @param path below the repository, or from a Link header. @throws DeployError. */
  async json(path: string, accept: string, signal: AbortSignal): Promise<OciAnswer> {
    const response = await this.#get(this.url(path), { accept }, signal);
    const { link } = response.headers;
    return { json: await this.#read(response, MAX_ANSWER_BYTES, signal), link: link?.toString() };
  }

  /** The authorization headers for a path, found out by a request of its own where they are not known. */
  async authorization(path: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const held = await this.#held();
    if (held !== undefined) return held;
    const challenge = await this.#challenge(path, signal);
    if (challenge === undefined) return {};
    this.#token = this.#askToken(challenge, signal);
    return { authorization: (await this.#token).authorization };
  }

  /** The headers with the last token, while it is valid. */
  async #held(): Promise<{ readonly authorization: string } | undefined> {
    const token = await this.#token?.catch(() => undefined);
    return token !== undefined && token.until > Date.now()
      ? { authorization: token.authorization }
      : undefined;
  }

  url(path: string): string {
    return new URL(path, `${this.#base}/`).href;
  }

  async #get(
    url: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    let response = await this.#send(url, { ...headers, ...(await this.#held()) }, signal);
    if (response.statusCode === 401) {
      response.destroy();
      this.#token = this.#askToken(response.headers['www-authenticate'] ?? '', signal);
      const { authorization } = await this.#token;
      response = await this.#send(url, { ...headers, authorization }, signal);
    }
    if (response.statusCode === 200) return response;
    response.destroy();
    throw httpError(this.#label, response.statusCode ?? 0, response.headers['retry-after']);
  }

  async #challenge(path: string, signal: AbortSignal): Promise<string | undefined> {
    const response = await this.#send(this.url(path), { range: 'bytes=0-0' }, signal);
    response.destroy();
    return response.statusCode === 401 ? (response.headers['www-authenticate'] ?? '') : undefined;
  }

  #send(
    url: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    return httpGet(new URL(url), { headers, headerTimeoutMs: this.#context.headerTimeoutMs, signal });
  }

  #read(response: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<unknown> {
    const { idleTimeoutMs: idleMs } = this.#context;
    return httpJson(response, { label: this.#label, maxBytes, idleMs, signal });
  }

  async #askToken(header: string, signal: AbortSignal): Promise<Token> {
    const challenge = bearerChallenge(header);
    const basic = await dockerCredentials(this.#host, this.#context.environment);
    if (challenge === undefined) {
      if (/^basic\b/i.test(header) && basic !== undefined)
        return { authorization: basic, until: Number.POSITIVE_INFINITY };
      throw denied(this.#label);
    }
    const headers: Record<string, string> = basic === undefined ? {} : { authorization: basic };
    const response = await this.#send(challenge, headers, signal);
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      response.destroy();
      if (status === 401 || status === 403) throw denied(this.#label);
      throw httpError(`the token service of ${this.#label}`, status, undefined);
    }
    const subject: JsonSubject = { what: `the token of ${this.#label}`, kind: 'corrupt' };
    const answer = checkJson(await this.#read(response, MAX_TOKEN_BYTES, signal), tokenSchema, subject);
    const seconds = answer.expires_in ?? TOKEN_SECONDS;
    return {
      authorization: `Bearer ${answer.token}`,
      until: Date.now() + Math.max(seconds - MARGIN_SECONDS, 1) * 1000,
    };
  }
}

function denied(label: string): DeployError {
  return new DeployError('denied', `${label} may not be read`, {
    hint: "check the name; a private repository needs a login in Docker's configuration (docker login)",
  });
}

/** The header `Basic …` for a host, by Docker's configuration. @throws DeployError invalid: the file. */
async function dockerCredentials(
  host: string,
  { DOCKER_CONFIG, HOME }: ObjectContext['environment'],
): Promise<string | undefined> {
  const path = join(DOCKER_CONFIG ?? join(HOME ?? homedir(), '.docker'), 'config.json');
  try {
    const { auths } = z.parse(dockerConfigSchema, JSON.parse(await readFile(path, 'utf8')));
    const found = [host, `https://${host}`, `https://${host}/v1/`].map((name) => auths?.[name]?.auth);
    const auth = found.find((each) => typeof each === 'string' && each !== '');
    return auth === undefined ? undefined : `Basic ${String(auth)}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new DeployError('invalid', `${path} cannot be read as Docker's configuration`, {
      hint: 'mend it, or name another directory by DOCKER_CONFIG',
      cause: error,
    });
  }
}
