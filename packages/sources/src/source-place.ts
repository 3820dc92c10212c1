import { isAbsolute, normalize } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';

/** The place in a source's URL. */
export type SourcePlace =
  | { readonly scheme: 'ghr'; readonly owner: string; readonly repository: string }
  | {
      readonly scheme: 's3';
      readonly region: string;
      readonly bucket: string;
      /** Without slashes at its ends; may be empty. */
      readonly prefix: string;
      /** `http(s)://…` of another server than Amazon's. */
      readonly endpoint: string | undefined;
    }
  | { readonly scheme: 'gs'; readonly bucket: string; readonly prefix: string }
  | { readonly scheme: 'grpc'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly scheme: 'img'; readonly host: string; readonly repository: string }
  | { readonly scheme: 'file'; readonly directory: string };

export type SourceScheme = SourcePlace['scheme'];

/** The form of each kind of URL, for messages. */
const FORMS: Readonly<Record<SourceScheme, string>> = {
  ghr: 'ghr://owner/repo',
  s3: 's3://region/bucket/prefix',
  gs: 'gs://bucket/prefix',
  grpc: 'grpc://host:port',
  img: 'img://host/repository',
  file: 'file:///directory',
};

/** The name of an owner or repository at GitHub, a bucket or a region. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const HOST = /^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/;
const IMAGE_NAME = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

/**
 * Reads the place in a URL.
 * @param text the URL as written: `url` has lost the upper case of the host.
 * @throws DeployError invalid.
 */
export function parsePlace(text: string, url: URL): SourcePlace {
  const scheme = url.protocol.slice(0, -1);
  if (!isScheme(scheme)) {
    throw new DeployError('invalid', `there are no ${scheme}:// sources`, {
      hint: `there are ${Object.values(FORMS).join(', ')}`,
    });
  }
  const authority = /^[^:]*:\/\/([^/?]*)/.exec(text)?.[1] ?? '';
  return PARSERS[scheme](authority, pathOf(text, url), url);
}

function isScheme(text: string): text is SourceScheme {
  return Object.hasOwn(FORMS, text);
}

type Parser = (authority: string, path: string, url: URL) => SourcePlace;

const PARSERS: Readonly<Record<SourceScheme, Parser>> = {
  ghr: (owner, repository) => {
    required('ghr', NAME.test(owner) && NAME.test(repository));
    return { scheme: 'ghr', owner, repository };
  },
  s3: (region, path, url) => {
    const [bucket = '', ...prefix] = path.split('/');
    required('s3', NAME.test(region) && NAME.test(bucket));
    const endpoint = url.searchParams.get('endpoint') ?? undefined;
    return { scheme: 's3', region, bucket, prefix: prefix.join('/'), endpoint: endpointOf(endpoint) };
  },
  gs: (bucket, prefix) => {
    required('gs', NAME.test(bucket));
    return { scheme: 'gs', bucket, prefix };
  },
  grpc: (authority, path, url) => {
    const port = Number(url.port);
    required('grpc', HOST.test(authority) && path === '' && port > 0);
    const tls = url.searchParams.get('no-tls') ?? 'false';
    if (tls !== 'true' && tls !== 'false') {
      throw new DeployError('invalid', `no-tls=${tls} is not known`, {
        hint: 'write no-tls=true or leave it out',
      });
    }
    return { scheme: 'grpc', host: url.hostname, port, tls: tls === 'false' };
  },
  img: (host, repository) => {
    required('img', HOST.test(host) && IMAGE_NAME.test(repository));
    return { scheme: 'img', host, repository };
  },
  file: (authority, _path, url) => {
    const directory = fileDirectory(url);
    required('file', authority === '' && isAbsolute(directory) && directory !== '/');
    return { scheme: 'file', directory };
  },
};

function required(scheme: SourceScheme, holds: boolean): void {
  if (!holds)
    throw new DeployError('invalid', `this ${scheme}:// URL is not complete`, {
      hint: `write it as ${FORMS[scheme]}`,
    });
}

/** The path of a URL without slashes at its ends. */
function pathOf(text: string, url: URL): string {
  const path = decoded(url.pathname).replace(/^\/+|\/+$/g, '');
  const written = decoded(text.replace(/\?.*$/, ''));
  const steps = /(^|\/)\.{1,2}(\/|$)/;
  if (path.includes('\0') || path.includes('//') || steps.test(written.replace(/^[^:]*:\/\//, ''))) {
    throw new DeployError('invalid', 'the path of the source has a ".", ".." or empty part', {
      hint: 'leave that part out',
    });
  }
  return path;
}

function fileDirectory(url: URL): string {
  const path = normalize(decoded(url.pathname));
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DeployError('invalid', 'the URL of a source has a % that is not followed by two hex digits');
  }
}

function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isHttp || url.search !== '' || url.username !== '' || url.password !== '') {
    throw new DeployError('invalid', 'the endpoint of an s3:// URL is not an http(s):// URL', {
      hint: 'write it as endpoint=https://host:port, without user name and password',
    });
  }
  return text.replace(/\/+$/, '');
}
