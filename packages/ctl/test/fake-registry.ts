import { createHash } from 'node:crypto';
import { splitCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { type FlagValue, parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { findCommandSpec } from '@deploy-tools/shared/commands/command-specs.js';
import type { ServerChannel, SFTPWrapper } from 'ssh2';
import { makeKey, temporaryDirectory } from '../../shared/test/client/ssh-tools.js';
import { reply, startTestServer } from '../../shared/test/client/test-server.js';

/** What the fake registry holds; tests look at it and may change it. */
export interface RegistryState {
  /** Uploads and archives by hash. */
  readonly files: Map<string, Buffer>;
  /** `component:version` to hash, in order of addition. */
  readonly versions: Map<string, string>;
  /** Configuration to its layers. */
  readonly configurations: Map<string, readonly string[]>;
  /** Command lines as they arrived. */
  readonly commands: string[];
  uploads: number;
  /** Called for each write of an upload, with the bytes so far. */
  onWrite: (bytes: number) => void;
}

/** A small registry behind a real SSH server: enough of the commands for what deployctl and deploy-from-docker do. */
export async function startFakeRegistry(host = '127.0.0.1') {
  const home = temporaryDirectory();
  const [hostKey, key] = [makeKey(home, 'host'), makeKey(home, 'operator')];
  const state: RegistryState = {
    files: new Map(),
    versions: new Map(),
    configurations: new Map(),
    commands: [],
    uploads: 0,
    onWrite: () => undefined,
  };
  const server = await startTestServer({
    host,
    hostKeys: [hostKey],
    clientKeys: [key],
    onExec: (command, channel) => execute(state, command, channel),
    onSftp: (sftp) => receiveUploads(state, sftp),
  });
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    USER: 'ops',
    DEPLOYCTL_ADDR: server.addr,
    DEPLOYCTL_FINGERPRINT: hostKey.fingerprint,
  };
  return { home, hostKey, key, state, server, env, addr: server.addr };
}

export type FakeRegistry = Awaited<ReturnType<typeof startFakeRegistry>>;

function execute(state: RegistryState, line: string, channel: ServerChannel): void {
  state.commands.push(line);
  const [name = '', ...argv] = splitCommandLine(line);
  const spec = findCommandSpec(name);
  try {
    if (spec === undefined) throw new Error(`unknown command ${name}`);
    const { values } = parseFlags(spec, argv);
    reply(channel, 0, run(state, name, values));
  } catch (error) {
    reply(channel, 1, '', `${(error as Error).message}\n`);
  }
}

function run(state: RegistryState, name: string, values: Readonly<Record<string, FlagValue>>): string {
  const lines = (items: Iterable<string>) => [...items].map((item) => `${item}\n`).join('');
  switch (name) {
    case 'addver': {
      const id = `${values.name}:${values.version}`;
      const known = state.versions.get(id);
      if (known !== undefined && (known !== values.hash || values.new === true))
        throw new Error(`version "${values.version}" already exists`);
      if (known !== undefined) return `version "${values.version}" is there already\n`;
      if (!state.files.has(String(values.hash))) throw new Error('no uploaded file with given hash found');
      state.versions.set(id, String(values.hash));
      return '';
    }
    case 'addconf':
      state.configurations.set(String(values.name), values.layer as readonly string[]);
      return '';
    case 'components':
      return lines(new Set([...state.versions.keys()].map((id) => id.split(':')[0] ?? '')));
    case 'agents':
      return lines(['web1', 'web2']);
    case 'configurations':
      return lines(state.configurations.keys());
    case 'showcomp':
      return lines(
        [...state.versions.keys()]
          .filter((id) => id.startsWith(`${values.name}:`))
          .map((id) => `2026-11-20T16:32:24Z   ${id.split(':')[1]}   `),
      );
    default:
      throw new Error(`${name} fails here`);
  }
}

function receiveUploads(state: RegistryState, sftp: SFTPWrapper): void {
  const open = new Map<number, Buffer[]>();
  const idOf = (handle: Buffer) => handle.readUInt32BE(0);
  sftp.on('OPEN', (request) => {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(open.size);
    open.set(open.size, []);
    sftp.handle(request, handle);
  });
  sftp.on('WRITE', (request, handle, _offset, data) => {
    const parts = open.get(idOf(handle)) ?? [];
    parts.push(Buffer.from(data));
    state.onWrite(parts.reduce((sum, part) => sum + part.length, 0));
    sftp.status(request, 0);
  });
  sftp.on('CLOSE', (request, handle) => {
    const bytes = Buffer.concat(open.get(idOf(handle)) ?? []);
    state.files.set(createHash('sha256').update(bytes).digest('hex'), bytes);
    state.uploads += 1;
    sftp.status(request, 0);
  });
}
