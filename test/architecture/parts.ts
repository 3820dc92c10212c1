/** A box of a drawing in docs/architecture.md: files that do one thing. What it may import comes from the rules. */
export interface Part {
  readonly name: string;
  /** Patterns are of short names, as in the rules: `registry/core/uploads`. */
  readonly files: RegExp;
  readonly does: string;
}

export const DRAWINGS: Readonly<Record<string, readonly Part[]>> = {
  whole: [
    { name: 'ctl', files: /^ctl\//, does: 'deployctl and deploy-from-docker: the operator at a shell' },
    {
      name: 'registry',
      files: /^registry\//,
      does: 'deploy-registry: the SSH server and all that it stores',
    },
    { name: 'agent', files: /^agent\//, does: 'deploy-agent: makes releases on a host and activates them' },
    { name: 'sources', files: /^sources\//, does: 'places outside where releases appear; objects by URL' },
    { name: 'notices', files: /^notices\//, does: 'Slack, mail, webhooks: delivery and wording' },
    { name: 'shared', files: /^shared\//, does: 'what both ends of a connection need, and helpers' },
  ],
  registry: [
    { name: 'main', files: /^registry\/main$/, does: 'reads flags, starts' },
    { name: 'compose', files: /^registry\/compose$/, does: 'opens adapters, joins all parts' },
    { name: 'ssh/', files: /^registry\/ssh\//, does: 'keys, sessions, the console, limits' },
    { name: 'sftp/', files: /^registry\/sftp\//, does: 'uploads, and the files that agents read' },
    { name: 'commands/', files: /^registry\/commands\//, does: 'one file a command; role and audit' },
    { name: 'jobs/', files: /^registry\/jobs\//, does: 'housekeeping by the clock' },
    { name: 'core/', files: /^registry\/core\//, does: 'the rules: what may be added, changed, removed' },
    {
      name: 'meta/sqlite/',
      files: /^registry\/meta\/sqlite\//,
      does: 'adapter: names and reports in SQLite',
    },
    { name: 'layers/file-*', files: /^registry\/layers\/file-/, does: 'adapter: archives as files' },
    { name: 'takeover/', files: /^registry\/takeover\//, does: "imports a Go registry's state.db once" },
    { name: 'meta/', files: /^registry\/meta\/[^/]+$/, does: 'ports: names, reports, notices' },
    {
      name: 'layers/',
      files: /^registry\/layers\/(?!file-)[^/]+-(store|marks)$/,
      does: 'ports: archives, manifests, packs',
    },
    { name: 'ingest/', files: /^registry\/ingest\//, does: 'threads: manifest and pack of an archive' },
  ],
  agent: [
    { name: 'main', files: /^agent\/main$/, does: 'picks the program by the first word' },
    { name: 'programs/', files: /^agent\/programs\//, does: 'one folder a program, and their flags' },
    { name: 'follow/', files: /^agent\/follow\//, does: 'the loop: polls, pushes, the connection' },
    { name: 'tell/', files: /^agent\/tell\//, does: 'reports to the registry, the control socket' },
    { name: 'deploy/', files: /^agent\/deploy\//, does: 'one attempt, from wanted to its result' },
    { name: 'place/', files: /^agent\/place\//, does: 'makes a release the running one' },
    { name: 'release/', files: /^agent\/release\//, does: 'makes a complete tree on disk' },
    { name: 'process/', files: /^agent\/process\//, does: 'scripts, health checks, supervised programs' },
    { name: 'host/', files: /^agent\/host\//, does: 'timers, signals, what the system is asked' },
  ],
};

/** Files that belong together for a reader who decides what to read; the first pattern that fits is the file's. */
export interface Area {
  readonly name: string;
  readonly files: RegExp;
  /** `feature`: the core works without it. `other-tool`: exists only so that users of another tool can come over. */
  readonly kind: 'feature' | 'other-tool';
  /** What has to be touched outside of it when it is deleted, or what it gives. */
  readonly note: string;
}

/** What fits none of these is the core. */
export const AREAS: readonly Area[] = [
  {
    name: 'import of a Go registry',
    files: /^registry\/takeover\/|^agent\/programs\/daemon\/exclude-go-agent$/,
    kind: 'other-tool',
    note: 'one call in `registry/src/compose.ts`, one in `agent/src/programs/daemon/`',
  },
  {
    name: "dewy's gRPC server",
    files: /^sources\/adapters\/(grpc-source|dewy-service)$/,
    kind: 'other-tool',
    note: 'one line in `sources/src/open-source.ts`, two npm packages',
  },
  {
    name: "dewy's agent without a registry",
    files: /^agent\/programs\/sourced\/|^sources\/adapters\/shipping-record$/,
    kind: 'other-tool',
    note: 'the flags `-source`, `-slot` and `-notify`',
  },
  {
    name: "stretcher's deploy files",
    files: /^agent\/programs\/deploy-file\//,
    kind: 'other-tool',
    note: 'one line in `agent/src/main.ts`: the program `manifest`',
  },
  {
    name: 'guard, for Consul and Serf',
    files: /^agent\/programs\/guard\//,
    kind: 'other-tool',
    note: 'one line in `agent/src/main.ts`: the program `guard`',
  },
  {
    name: 'releases from outside (tracks)',
    files: /^sources\/|^registry\/core\/tracks\/|^registry\/meta\/(sqlite\/)?[a-z-]*track/,
    kind: 'feature',
    note: 'the registry follows GitHub, buckets and image registries',
  },
  {
    name: 'notices',
    files: /^notices\/|^registry\/core\/notices\/|^registry\/meta\/(sqlite\/)?[a-z-]*notice/,
    kind: 'feature',
    note: 'Slack, mail, webhooks, programs',
  },
  {
    name: 'container images',
    files: /^ctl\/from-docker|^shared\/image\//,
    kind: 'feature',
    note: '`deploy-from-docker`, and images that tracks take',
  },
  {
    name: 'releases as differences',
    files: /^registry\/ingest\/|^agent\/release\/(assemble|fetch|plan|records)\/|^shared\/layers\//,
    kind: 'feature',
    note: 'without it agents download whole archives',
  },
  {
    name: 'health and supervision',
    files: /^agent\/process\/(health|supervise)\//,
    kind: 'feature',
    note: 'checks after the script; a program that the agent keeps running',
  },
  {
    name: 'destinations',
    files: /^agent\/place\/sync\//,
    kind: 'feature',
    note: '`-sync`: rsync, mv, release',
  },
  {
    name: 'several configurations, doctor, plan',
    files: /^agent\/programs\/(configured|examine)\//,
    kind: 'feature',
    note: '`-config`, and programs that look and change nothing',
  },
  {
    name: 'console and completion',
    files: /^registry\/ssh\/console\/|^ctl\/completion/,
    kind: 'feature',
    note: 'what a person types, with Tab',
  },
];
