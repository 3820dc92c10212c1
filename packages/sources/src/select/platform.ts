/** The system that artifacts are for, in Go's words: `linux` and `amd64`. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

const OS_WORDS: Readonly<Record<string, readonly string[]>> = {
  linux: ['linux'],
  darwin: ['darwin', 'macos', 'osx', 'mac'],
  windows: ['windows', 'win', 'win32'],
  freebsd: ['freebsd'],
  openbsd: ['openbsd'],
  netbsd: ['netbsd'],
  android: ['android'],
  solaris: ['solaris', 'sunos'],
  illumos: ['illumos'],
  aix: ['aix'],
};

const ARCH_WORDS: Readonly<Record<string, readonly string[]>> = {
  amd64: ['amd64', 'x64'],
  arm64: ['arm64', 'aarch64', 'armv8'],
  386: ['386', 'i386', 'i486', 'i586', 'i686', 'x86', 'ia32'],
  arm: ['arm', 'armhf', 'armv6', 'armv6l', 'armv6hf', 'armv7', 'armv7l', 'armv7hf'],
  ppc64le: ['ppc64le', 'powerpc64le'],
  ppc64: ['ppc64', 'powerpc64'],
  s390x: ['s390x'],
  riscv64: ['riscv64', 'riscv64gc'],
  loong64: ['loong64', 'loongarch64'],
  mips: ['mips'],
  mipsle: ['mipsle', 'mipsel'],
  mips64: ['mips64'],
  mips64le: ['mips64le', 'mips64el'],
};

/** Architectures by the number right behind the name of a system: `linux64`, `win32`. */
const WIDTH_WORDS: Readonly<Record<string, string>> = { 64: 'amd64', 32: '386' };

const OS_OF = meanings(OS_WORDS);
const ARCH_OF = meanings(ARCH_WORDS);

function meanings(words: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(words).flatMap(([meaning, known]) => known.map((word) => [word, meaning])));
}

interface NamedPlatform {
  readonly os: string | undefined;
  readonly arch: string | undefined;
}

/**
 * Finds the system in a file's name. Only whole words count: `darwin` is not `win`, `arm64` is not `arm`. The last one counts,
 * since the application's own name comes first.
 * @param name without the version, whose numbers could look like an architecture.
 */
export function platformOfName(name: string): NamedPlatform {
  let os: string | undefined;
  let arch: string | undefined;
  for (const word of wordsOf(name)) {
    const read = platformOfWord(word);
    os = read.os ?? os;
    arch = read.arch ?? arch;
  }
  return { os, arch };
}

/** The words of a name, in lower case; `x86_64` and `x86-64` are one word, `amd64`. */
export function wordsOf(name: string): string[] {
  return name
    .toLowerCase()
    .replace(/x86[_-]64/g, 'amd64')
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

function platformOfWord(word: string): NamedPlatform {
  const os = OS_OF.get(word);
  const arch = ARCH_OF.get(word);
  if (os !== undefined || arch !== undefined) return { os, arch };
  for (const [prefix, meaning] of OS_OF) {
    if (!word.startsWith(prefix)) continue;
    const rest = word.slice(prefix.length);
    const named = ARCH_OF.get(rest) ?? WIDTH_WORDS[rest];
    if (named !== undefined) return { os: meaning, arch: named };
  }
  return { os: undefined, arch: undefined };
}

/** The system in Go's words: `x86_64` is `amd64`; unknown words stay. */
export function canonicalPlatform({ os, arch }: Platform): Platform {
  const osWord = os.toLowerCase();
  const archWord = arch.toLowerCase().replace(/^x86[_-]64$/, 'amd64');
  return { os: OS_OF.get(osWord) ?? osWord, arch: ARCH_OF.get(archWord) ?? archWord };
}

/** The system that this program runs on. */
export function hostPlatform(): Platform {
  return canonicalPlatform({ os: process.platform, arch: process.arch });
}

/** Whether a word names a system or an architecture, and so is no extension: `app.linux.amd64`. */
export function isPlatformWord(word: string): boolean {
  const { os, arch } = platformOfWord(word.toLowerCase());
  return os !== undefined || arch !== undefined;
}
