import { DeployError } from '@deploy-tools/shared/errors.js';
import { canonicalPlatform, hostPlatform, type Platform } from './select/platform.js';
import { schemeOf } from './select/select-release.js';
import type { Wants } from './select/wants.js';
import type { SourcePlace, SourceScheme } from './source-place.js';
import { parsePlace } from './source-place.js';

/** A parsed source URL. */
export interface SourceUrl {
  /** The URL as it was given, which contains no secrets. */
  readonly label: string;
  readonly place: SourcePlace;
  readonly wants: Wants;
}

const SELECTING = ['pre-release', 'calver', 'constraint', 'slot'] as const;
const OF_FILES = ['artifact', 'checksum'] as const;
const PLATFORM = ['os', 'arch'] as const;

/** Which options each kind of URL takes. */
const OPTIONS: Readonly<Record<SourceScheme, readonly string[]>> = {
  ghr: [...SELECTING, ...OF_FILES, ...PLATFORM],
  s3: [...SELECTING, ...OF_FILES, ...PLATFORM, 'endpoint'],
  gs: [...SELECTING, ...OF_FILES, ...PLATFORM],
  file: [...SELECTING, ...OF_FILES, ...PLATFORM],
  img: [...SELECTING, ...PLATFORM],
  grpc: ['no-tls', 'artifact', ...PLATFORM],
};

/** Names of options that would hold a secret. */
const SECRET_OPTION =
  /token|password|passwd|secret|credential|signature|api[-_]?key|access[-_]?key|private[-_]?key|^auth/i;

/**
 * Parses a source URL with dewy's options: `ghr://owner/repo?pre-release=true&artifact=app.tar.gz`.
 * @param platform of artifacts, unless the URL has `os=` and `arch=`.
 * @throws DeployError invalid: unknown kind of URL, missing part, unknown option, wrong value, a secret. Messages contain no
 *   secrets.
 */
export function parseSourceUrl(text: string, platform: Platform = hostPlatform()): SourceUrl {
  refuseSecrets(text);
  const url = parseUrl(text);
  const place = parsePlace(text, url);
  const options = readOptions(url.searchParams, place.scheme);
  const wants = wantsOf(options, place.scheme, platform);
  schemeOf(wants); // finds a wrong format or constraint before the first release appears
  return { label: text, place, wants };
}

/** Refuses secrets first, since other errors may contain the URL. */
function refuseSecrets(text: string): void {
  const authority = /^[a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  const query = /\?([^#]*)/.exec(text)?.[1] ?? '';
  const secretName = [...new URLSearchParams(query).keys()].find((name) => SECRET_OPTION.test(name));
  if (!authority.includes('@') && secretName === undefined) return;
  const what = secretName === undefined ? 'a user name or password' : `the option ${secretName}`;
  throw new DeployError('invalid', `there is ${what} in the URL of a source, which is stored and shown`, {
    hint: 'leave it out, and give credentials by the environment; see docs/sources.md',
  });
}

function parseUrl(text: string): URL {
  const printable = /^[\x21-\x7e]+$/.test(text);
  const url = printable && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hash !== '') {
    throw new DeployError('invalid', `${JSON.stringify(text)} is not the URL of a source`, {
      hint: 'write it as ghr://owner/repo, with other characters than letters and digits as %XX where in doubt',
    });
  }
  return url;
}

type Options = ReadonlyMap<string, string>;

function readOptions(parameters: URLSearchParams, scheme: SourceScheme): Options {
  const options = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!OPTIONS[scheme].includes(name)) {
      throw new DeployError('invalid', `${scheme}:// URLs have no option "${name}"`, {
        hint: `they have ${OPTIONS[scheme].join(', ')}`,
      });
    }
    if (options.has(name)) throw new DeployError('invalid', `the option ${name} is given twice`);
    if (value === '') throw new DeployError('invalid', `the option ${name} has no value`);
    options.set(name, value);
  }
  return options;
}

function wantsOf(options: Options, scheme: SourceScheme, platform: Platform): Wants {
  const calver = options.get('calver');
  const constraint = options.get('constraint');
  if (calver !== undefined && constraint !== undefined) {
    throw new DeployError('invalid', 'calver and constraint cannot both be given', {
      hint: 'constraint is for semantic versions',
    });
  }
  return {
    choice: scheme === 'img' ? 'image' : scheme === 'grpc' ? 'given' : 'files',
    artifact: options.get('artifact'),
    preRelease: isTrue(options, 'pre-release'),
    calver,
    constraint,
    slot: options.get('slot'),
    platform: canonicalPlatform({
      os: options.get('os') ?? platform.os,
      arch: options.get('arch') ?? platform.arch,
    }),
    checksum: checksumOption(options.get('checksum')),
  };
}

function checksumOption(value: string | undefined): Wants['checksum'] {
  if (value === undefined || value === 'when-present') return 'when-present';
  if (value === 'required') return 'required';
  throw new DeployError('invalid', `checksum=${value} is not known`, {
    hint: 'write checksum=required, or leave it out',
  });
}

/** @throws DeployError invalid. */
function isTrue(options: Options, name: string): boolean {
  const value = options.get(name) ?? 'false';
  if (value === 'true' || value === 'false') return value === 'true';
  throw new DeployError('invalid', `${name}=${value} is not known`, {
    hint: `write ${name}=true or leave it out`,
  });
}
