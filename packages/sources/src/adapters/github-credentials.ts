import { createPrivateKey, createSign, type KeyObject } from 'node:crypto';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';

/** A GitHub App; its key gets tokens for an hour. */
export interface GithubApp {
  readonly id: string;
  readonly installation: string;
  readonly key: KeyObject;
}

export type GithubCredentials =
  | { readonly kind: 'app'; readonly app: GithubApp }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'none' };

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_KEY_BYTES = 64 * 1024;
/** GitHub accepts at most ten minutes by its own clock. */
const JWT_SECONDS = 9 * 60;
const CLOCK_DRIFT_SECONDS = 60;

/**
 * Reads GitHub's credentials from the environment: an App before a token, GH_TOKEN before GITHUB_TOKEN, which GitHub Actions
 * sets. Public repositories need none.
 * @throws DeployError invalid, denied, not-found: variables that cannot be used. Messages contain no values.
 */
export function githubCredentials(environment: Environment): GithubCredentials {
  const id = environment.GITHUB_APP_ID ?? '';
  if (id !== '') return { kind: 'app', app: appOf(id, environment) };
  const token = environment.GH_TOKEN || environment.GITHUB_TOKEN || '';
  if (token === '') return { kind: 'none' };
  if (/^[\x21-\x7e]+$/.test(token)) return { kind: 'token', token };
  throw new DeployError('invalid', 'GH_TOKEN or GITHUB_TOKEN has characters that no token has', {
    hint: 'look for a line break or a blank at its end',
  });
}

function appOf(id: string, environment: Environment): GithubApp {
  const installation = environment.GITHUB_APP_INSTALLATION_ID ?? '';
  for (const [name, value] of [
    ['GITHUB_APP_ID', id],
    ['GITHUB_APP_INSTALLATION_ID', installation],
  ] as const) {
    if (!/^\d{1,20}$/.test(value)) {
      throw new DeployError('invalid', `${name} is not a number`, {
        hint: 'a GitHub App needs GITHUB_APP_ID, GITHUB_APP_INSTALLATION_ID and GITHUB_APP_PRIVATE_KEY or _PATH',
      });
    }
  }
  return { id, installation, key: privateKey(environment) };
}

function privateKey(environment: Environment): KeyObject {
  const inline = environment.GITHUB_APP_PRIVATE_KEY ?? '';
  const pem = inline === '' ? keyFile(environment.GITHUB_APP_PRIVATE_KEY_PATH ?? '') : inline;
  try {
    // Files of variables hold line breaks as \n.
    const key = createPrivateKey(pem.replaceAll('\\n', '\n'));
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // OpenSSL's message does not help, and might contain the key.
  }
  throw new DeployError('invalid', 'the private key of the GitHub App is not an RSA key in PEM form', {
    hint: 'give the file that GitHub let you download, by GITHUB_APP_PRIVATE_KEY_PATH',
  });
}

function keyFile(path: string): string {
  if (path === '') {
    throw new DeployError(
      'invalid',
      'a GitHub App needs GITHUB_APP_PRIVATE_KEY or GITHUB_APP_PRIVATE_KEY_PATH',
    );
  }
  try {
    return readRegularFile(path, MAX_KEY_BYTES).toString('utf8');
  } catch (error) {
    if (isDeployError(error)) throw error;
    throw new DeployError('denied', `the key of the GitHub App, ${path}, cannot be read`, {
      hint: 'check GITHUB_APP_PRIVATE_KEY_PATH and who may read the file',
      cause: error,
    });
  }
}

/** Makes the token by which a GitHub App identifies itself (RFC 7519, RS256). @param now milliseconds since 1970. */
export function appJwt({ id, key }: GithubApp, now: number): string {
  const seconds = Math.floor(now / 1000);
  const claims = { iat: seconds - CLOCK_DRIFT_SECONDS, exp: seconds + JWT_SECONDS, iss: id };
  const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
