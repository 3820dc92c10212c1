/** What the files of one part may import. Patterns are of paths below `packages`, without `src/` and `.ts`. */
export interface Rule {
  readonly files: RegExp;
  /** Its own part and these; npm packages and Node.js are not looked at here. */
  readonly mayImport: readonly RegExp[];
  /** Only with `import type`: the shape, not the thing. */
  readonly mayImportTypes?: readonly RegExp[];
}

const SHARED = /^shared\//;
/** Packages of their own, which the registry and the agent use. */
const SOURCES = /^sources\//;
const NOTICES = /^notices\//;
const PORTS = [
  /^registry\/layers\/(byte-store|derived-store|read-marks|stored-file|digester)$/,
  /^registry\/meta\/((meta|fleet|notice|track)-store|author)$/,
  /^registry\/ingest\/layer-port$/,
];
const CORE = /^registry\/core\//;
/** A rule takes what it uses: only the command layer is handed all features together. */
const RULES_OF_CORE = /^registry\/core\/(?!registry$)/;
const COMMANDS = /^registry\/commands\//;
const SFTP = /^registry\/sftp\//;
const TAKEOVER = /^registry\/takeover\//;

/** A folder of the agent, and those below it that it may import. */
const AGENT_FLOORS = [
  ['programs', 'follow', 'tell', 'deploy', 'place', 'release', 'process', 'host'],
  ['follow', 'deploy', 'release', 'host'],
  ['tell', 'deploy', 'process', 'host'],
  ['deploy', 'place', 'release', 'process', 'host'],
  ['place', 'release', 'process', 'host'],
  ['release', 'host'],
  ['process', 'host'],
  ['host'],
] as const;

function agent(...folders: readonly string[]): RegExp[] {
  return folders.map((folder) => new RegExp(`^agent/${folder}/`));
}

/** The first rule that a file fits is its rule; a file that fits none fails. */
export const RULES: readonly Rule[] = [
  { files: SHARED, mayImport: [SHARED] },
  { files: SOURCES, mayImport: [SHARED, SOURCES] },
  { files: NOTICES, mayImport: [SHARED, NOTICES] },

  { files: /^registry\/core\/registry$/, mayImport: [CORE], mayImportTypes: PORTS },
  { files: CORE, mayImport: [SHARED, SOURCES, NOTICES, RULES_OF_CORE], mayImportTypes: PORTS },
  {
    files: /^registry\/layers\/(byte-store|derived-store|read-marks|digester)$/,
    mayImport: [SHARED, /^registry\/layers\/stored-file$/],
  },
  { files: /^registry\/layers\//, mayImport: [SHARED, /^registry\/layers\//] },
  {
    files: /^registry\/meta\/(meta|fleet|notice|track)-store$/,
    mayImport: [SHARED, /^registry\/meta\/((fleet|notice|track)-store|author)$/],
  },
  {
    files: /^registry\/meta\/sqlite\//,
    mayImport: [
      SHARED,
      /^registry\/meta\/sqlite\//,
      /^registry\/meta\/((meta|fleet|notice|track)-store|author)$/,
    ],
  },
  { files: TAKEOVER, mayImport: [SHARED, TAKEOVER], mayImportTypes: PORTS },
  { files: /^registry\/ingest\//, mayImport: [SHARED, /^registry\/ingest\//] },
  { files: COMMANDS, mayImport: [SHARED, NOTICES, COMMANDS, CORE], mayImportTypes: PORTS },
  { files: SFTP, mayImport: [SHARED, SFTP, CORE], mayImportTypes: PORTS },
  { files: /^registry\/ssh\//, mayImport: [SHARED, /^registry\/ssh\//, COMMANDS, CORE, SFTP] },
  { files: /^registry\/jobs\//, mayImport: [SHARED, /^registry\/jobs\//, CORE] },
  { files: /^registry\/registry-flags$/, mayImport: [SHARED] },
  {
    files: /^registry\/settings$/,
    mayImport: [SHARED, /^registry\/jobs\/housekeeping-job$/],
    mayImportTypes: [NOTICES, CORE, /^registry\/(registry-flags|ssh\/ssh-server)$/],
  },
  { files: /^registry\/main$/, mayImport: [SHARED, /^registry\/(compose|registry-flags)$/] },
  { files: /^registry\/compose$/, mayImport: [SHARED, SOURCES, NOTICES, /^registry\/(?!main$)/] },

  { files: /^agent\/main$/, mayImport: [SHARED, ...agent('programs', 'tell', 'host')] },
  ...AGENT_FLOORS.map(([folder, ...below]) => ({
    files: new RegExp(`^agent/${folder}/`),
    mayImport: [SHARED, ...(folder === 'programs' ? [SOURCES, NOTICES] : []), ...agent(folder, ...below)],
  })),
  { files: /^ctl\//, mayImport: [SHARED, /^ctl\//] },
];

/** Folders that import each other today, each group with what would end it; as findFolderCircles lists them. */
export const STILL_IN_CIRCLES: readonly { folders: readonly string[]; reason: string }[] = [];

/** Concrete adapters, and who alone may name them outside of their own folder. */
export const ADAPTERS = [
  /^registry\/layers\/file-/,
  /^registry\/meta\/sqlite\//,
  TAKEOVER,
  /^sources\/adapters\//,
  /^notices\/receivers\//,
] as const;
export const COMPOSERS = [
  /^registry\/compose$/,
  /^sources\/open-source$/,
  /^notices\/open-receiver$/,
] as const;

export const MAX_LINES = 300;

/** Files that are longer than that, each with its reason. */
export const LONG_FILES: Readonly<Record<string, string>> = {
  'shared/client/sftp-client': 'one protocol client: its requests share the table of what is pending',
};
