import { S3Client } from '@aws-sdk/client-s3';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { httpError } from './http-errors.js';
import { requestError } from './http-request.js';

export interface S3Place {
  /** `http://host:port`; by default AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or else Amazon's. */
  readonly endpoint: string | undefined;
  /** By default AWS_REGION, AWS_DEFAULT_REGION or the configuration file's. */
  readonly region: string | undefined;
}

/** A region is a part of the server's name. */
const REGION = /^[a-z0-9][a-z0-9-]{0,62}$/;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Makes Amazon's client, with credentials by its ordinary chain and without retries. For a named endpoint, requests have the form
 * that other servers than Amazon's take: buckets in the path, no newer checksums. An endpoint receives the access key's id, the
 * session token and signatures, so it comes from the environment or an operator's URL, never from a server's answer.
 * @throws DeployError invalid.
 */
export function s3Client(place: S3Place, environment: Environment): S3Client {
  const named = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL || undefined;
  const endpoint = place.endpoint ?? named;
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new DeployError('invalid', `"${endpoint}" is no address of a server`, {
      hint: 'write the endpoint as http://HOST:PORT',
    });
  }
  if (place.region !== undefined && !REGION.test(place.region))
    throw new DeployError('invalid', `"${place.region}" is no region of S3`, { hint: 'such as eu-west-1' });
  // Keeps the library's hint about Node.js versions out of a deployment's log.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID } = environment;
  // The library reads AWS_PROFILE itself, but not stretcher's older name, which keys precede.
  const profile = AWS_PROFILE || AWS_ACCESS_KEY_ID ? undefined : environment.AWS_DEFAULT_PROFILE || undefined;
  const fallback = endpoint === undefined ? undefined : 'us-east-1';
  const region = place.region ?? (AWS_REGION || AWS_DEFAULT_REGION || fallback);
  return new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    followRegionRedirects: true,
    maxAttempts: 1,
  });
}

/** The fields of an error of Amazon's client. */
interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** The HTTP status in an error of Amazon's client. */
export function s3StatusOf(error: unknown): number | undefined {
  return (error as SdkError | undefined)?.$metadata?.httpStatusCode;
}

/** Translates an error of Amazon's client. @param label the URL without secrets. */
export function s3Error(label: string, error: unknown): DeployError {
  if (error instanceof DeployError) return error;
  const { name, message, $response } = (error ?? {}) as SdkError;
  const status = s3StatusOf(error);
  if (name === 'CredentialsProviderError') {
    return new DeployError('denied', `no credentials for ${label}: ${describeError(error)}`, {
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
      cause: error,
    });
  }
  if (message === 'Region is missing') {
    return new DeployError('invalid', `the region of ${label} is not known`, { hint: 'set AWS_REGION' });
  }
  if (status === undefined) return requestError(label, error);
  const detail = name === undefined || name === 'Unknown' ? undefined : name;
  return httpError(label, status, $response?.headers?.['retry-after'], detail);
}

/**
 * Runs `work`, and aborts it when it takes too long or the caller stops.
 * @param label the URL without secrets.
 * @throws what `work` throws; DeployError connect: too long; cancelled.
 */
export async function withinTime<T>(
  label: string,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const abort = (): void => limit.abort();
  const timer = setTimeout(abort, ms);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await work(limit.signal);
  } catch (error) {
    if (signal.aborted) throw new DeployError('cancelled', `${label} was given up`, { cause: error });
    if (!limit.signal.aborted) throw error;
    throw new DeployError('connect', `${label} did not answer within ${formatDuration(ms)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
