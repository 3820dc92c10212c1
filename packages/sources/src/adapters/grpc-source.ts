import { byteName, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { type ChannelCredentials, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { urlOpener } from '../objects/open-url.js';
import { showUrl } from '../objects/show-url.js';
import type { ObjectContext } from '../opened-object.js';
import type { Wants } from '../select/wants.js';
import type { Listing, Source } from '../source.js';
import type { SourcePlace } from '../source-place.js';
import { type CurrentResponse, dewyClient } from './dewy-service.js';

type GrpcPlace = SourcePlace & { readonly scheme: 'grpc' };

/** URLs that an answer may name: it must not make this host read its own files. */
const FETCHABLE = /^(https?|s3|gs):\/\//;
/** URLs that are read with this host's credentials. */
const WITH_CREDENTIALS = /^(s3|gs):$/;

/**
 * dewy's registry service: it picks the release for a platform itself, and gives the artifact's URL. A report contains the id
 * of its last answer.
 */
export function openGrpcSource(
  label: string,
  place: GrpcPlace,
  wants: Wants,
  context: ObjectContext,
): Source {
  const channel: ChannelCredentials = place.tls ? credentials.createSsl() : credentials.createInsecure();
  const client = dewyClient(`${place.host}:${place.port}`, channel);
  const open = urlOpener(context);
  let current: CurrentResponse | undefined;
  return {
    label,
    kind: 'files',
    list: async (known, signal) => {
      const answer = await call<CurrentResponse>(label, context, signal, (deadline, done) =>
        client.Current(
          {
            arch: wants.platform.arch,
            os: wants.platform.os,
            ...(wants.artifact === undefined ? {} : { arifact_name: wants.artifact }),
          },
          { deadline },
          done,
        ),
      );
      current = answer;
      return listingOf(label, answer, known);
    },
    open: async ({ id }, from, signal) => {
      refuseOptions(label, id);
      if (!FETCHABLE.test(id)) throw new DeployError('not-found', 'there is no such artifact');
      return await open(id, from, signal);
    },
    report: async ({ tag, error }, signal) => {
      const id = current?.tag === tag ? current.id : '';
      const request = { id, tag, ...(error === undefined ? {} : { err: error }) };
      await call(label, context, signal, (deadline, done) => client.Report(request, { deadline }, done));
    },
  };
}

/** The release that the service picked, if any. */
function listingOf(
  label: string,
  { tag, artifact_url: url }: CurrentResponse,
  known: Listing | undefined,
): Listing {
  if (tag === '') return { releases: [], validator: undefined };
  if (!URL.canParse(url) || !FETCHABLE.test(url)) {
    throw new DeployError(
      'unsupported',
      `${label} names an artifact that is at no http(s)://, s3:// or gs:// URL`,
    );
  }
  refuseOptions(label, url);
  const { pathname, host, protocol } = new URL(url);
  // Without the query: the signature of a URL differs in each answer.
  const validator = JSON.stringify([tag, protocol, host, pathname]);
  if (known?.validator === validator) return known;
  const name = decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1)) || 'artifact';
  const artifact = { name, id: url, size: undefined, digest: undefined };
  return { releases: [{ tag, prerelease: false, created: undefined, artifacts: [artifact] }], validator };
}

/** Refuses options that choose which server gets the credentials. @throws DeployError denied. */
function refuseOptions(label: string, url: string): void {
  const { protocol, searchParams } = URL.canParse(url) ? new URL(url) : new URL('none:');
  const [option] = searchParams.keys();
  if (option === undefined || !WITH_CREDENTIALS.test(protocol)) return;
  throw new DeployError(
    'denied',
    `${label} names an artifact at ${showUrl(url)} with the option ${showName(byteName(option))}, which a service may not give`,
    { hint: 'name region or server in the environment of this program: AWS_REGION, AWS_ENDPOINT_URL_S3' },
  );
}

type Done<T> = (error: ServiceError | null, answer?: T) => void;

function call<T>(
  label: string,
  { headerTimeoutMs }: ObjectContext,
  signal: AbortSignal,
  start: (deadline: number, done: Done<T>) => { cancel(): void },
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled(label));
    const abort = (): void => running.cancel();
    const running = start(Date.now() + headerTimeoutMs, (error, answer) => {
      signal.removeEventListener('abort', abort);
      if (error === null && answer !== undefined) resolve(answer);
      else reject(signal.aborted ? cancelled(label) : grpcError(label, error));
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}

function cancelled(label: string): DeployError {
  return new DeployError('cancelled', `${label} was given up`);
}

const KINDS: Readonly<Record<number, 'not-found' | 'denied' | 'unsupported' | 'timeout' | 'invalid'>> = {
  [status.NOT_FOUND]: 'not-found',
  [status.PERMISSION_DENIED]: 'denied',
  [status.UNAUTHENTICATED]: 'denied',
  [status.UNIMPLEMENTED]: 'unsupported',
  [status.DEADLINE_EXCEEDED]: 'timeout',
  [status.INVALID_ARGUMENT]: 'invalid',
};

function grpcError(label: string, error: ServiceError | null): DeployError {
  const kind = KINDS[error?.code ?? -1] ?? 'connect';
  return new DeployError(kind, `${label}: ${error?.details ?? 'no answer'}`, {
    hint: 'check address and port, and no-tls=true where the service has no certificate',
    cause: error,
  });
}
