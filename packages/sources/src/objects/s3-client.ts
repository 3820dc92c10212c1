import { S3Client } from '@aws-sdk/client-s3';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { httpError } from './http-errors.js';
import { requestError } from './http-request.js';

export interface S3Place {
  /** `http://host:port`; AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL without, or else Amazon's. */
  readonly endpoint: string | undefined;
  /** AWS_REGION, AWS_DEFAULT_REGION or the configuration file's without. */
  readonly region: string | undefined;
}

/** It becomes a part of the server's name. */
const REGION = /^[a-z0-9][a-z0-9-]{0,62}$/;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Amazon's client, with credentials by its ordinary chain. Buckets are in the path where an endpoint is named, as servers other
 * than Amazon's want it, and checksums that they do not know are left out. Nothing is tried twice. An endpoint is sent the
 * access key's id and the session token, and signatures by the secret: it comes from the environment or from a URL that
 * the operator wrote, never from what a server answered.
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
  // Its hint that Node.js has later versions would stand in the middle of a deployment's log.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID } = environment;
  // The library looks at AWS_PROFILE itself; the older name is stretcher's, and keys come before it.
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

/** What of an error of Amazon's client is looked at. */
interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** The HTTP status that an error of Amazon's client came with. */
export function s3StatusOf(error: unknown): number | undefined {
  return (error as SdkError | undefined)?.$metadata?.httpStatusCode;
}

/** @param label what was asked for: the URL without secrets. */
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
