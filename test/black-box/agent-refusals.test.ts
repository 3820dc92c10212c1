import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, agentOnce, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { addConfiguration } from '../support/configuration.js';
import { binPath } from '../support/program.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { makeSshKey } from '../support/ssh-key.js';
import { packTree } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;
const OTHER_FINGERPRINT = `SHA256:${'A'.repeat(43)}`;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  const code = await packTree(scope, world.root, 'code', { 'a.txt': 'a' });
  await addConfiguration(world.operator, 'project', { code });
});

/** The messages of errors, as a log line or as the one sentence on standard error. */
function errorsIn(stderr: string): string[] {
  return stderr.split('\n').flatMap((line) => {
    if (line.startsWith('deploy-agent: ')) return [line.slice('deploy-agent: '.length)];
    if (!line.startsWith('{'))
      return line === '' || line === 'see deploy-agent -h' ? [] : [`not expected: ${line}`];
    const { level, msg } = JSON.parse(line) as { level: number; msg: string };
    return level >= 50 ? [msg] : [];
  });
}

interface Refusal {
  readonly title: string;
  readonly flags: readonly string[] | ((site: AgentSite) => Promise<readonly string[]>);
  readonly status: number;
  readonly says: RegExp;
}

const USAGE: readonly Refusal[] = [
  { title: 'no name', flags: ['-name', ''], status: 2, says: /^name should be set/ },
  {
    title: 'a name with a slash',
    flags: ['-name', 'a/b'],
    status: 2,
    says: /^-name: configuration name cannot contain \/ symbol/,
  },
  {
    title: 'an unknown flag',
    flags: ['-nosuch'],
    status: 2,
    says: /^flag provided but not defined: -nosuch/,
  },
  { title: 'a word too many', flags: ['project1'], status: 2, says: /^unexpected argument "project1"/ },
  {
    title: 'a poll beyond timers',
    flags: ['-poll', '1000h'],
    status: 2,
    says: /^poll should be .* at most 480h/,
  },
  {
    title: 'no time for scripts',
    flags: ['-script-timeout', '0'],
    status: 2,
    says: /^script-timeout should/,
  },
  {
    title: 'too much time for scripts',
    flags: ['-script-timeout', '999h'],
    status: 2,
    says: /^script-timeout/,
  },
  {
    title: 'no fingerprint',
    flags: ['-fp', 'MD5:aa:bb'],
    status: 2,
    says: /^invalid fingerprint "MD5:aa:bb"/,
  },
  { title: 'no address', flags: ['-addr', 'host:port'], status: 2, says: /^invalid address "host:port"/ },
  {
    title: 'an unknown allowance',
    flags: ['-allow', 'everything'],
    status: 2,
    says: /^invalid value "everything"/,
  },
];

const PLACES: readonly Refusal[] = [
  {
    title: 'a key that is not there',
    flags: ['-key', '/nonexistent/key'],
    status: 4,
    says: /^cannot read key \/nonexistent\/key/,
  },
  {
    title: 'a key that is none',
    flags: async (site) => ['-key', site.script],
    status: 4,
    says: /deploy\.sh is not a usable private key/,
  },
  {
    title: 'a key with a passphrase',
    flags: async (site) => [
      '-key',
      (await makeSshKey(site.root, 'locked', ['-t', 'ed25519', '-N', 'secret'])).path,
    ],
    status: 4,
    says: /needs a passphrase, for which nobody can be asked here \(.*ssh-keygen -p/,
  },
  {
    title: 'a key that never ends',
    flags: ['-key', '/dev/zero'],
    status: 4,
    says: /^the key \/dev\/zero is not a regular file/,
  },
  {
    title: 'a known_hosts that never ends',
    flags: ['-fp', '', '-known-hosts', '/dev/zero'],
    status: 1,
    says: /^\/dev\/zero is not a regular file/,
  },
  {
    title: 'a state that never ends',
    flags: ['-state', '/dev/zero'],
    status: 1,
    says: /^the state file \/dev\/zero is not a regular file/,
  },
  {
    title: 'a directory where none can be made',
    flags: ['-dir', '/proc/x'],
    status: 1,
    says: /^the data directory \/proc\/x is not writable \(ENOENT\)/,
  },
  {
    title: 'a state that cannot be written',
    flags: ['-state', '/proc/x/state.json'],
    status: 1,
    says: /^the state file \/proc\/x\/state\.json cannot be written \(ENOENT\)/,
  },
  {
    title: 'a directory that is a file',
    flags: async (site) => ['-dir', site.script],
    status: 1,
    says: /^the data directory \S+deploy\.sh is not writable/,
  },
];

const REGISTRY: readonly Refusal[] = [
  {
    title: 'another fingerprint',
    flags: ['-fp', OTHER_FINGERPRINT],
    status: 4,
    says: /has the host key SHA256:\S+, but SHA256:A+ is expected/,
  },
  {
    title: 'a host that known_hosts does not know',
    flags: async (site) => ['-fp', '', '-known-hosts', join(site.root, 'known_hosts')],
    status: 4,
    says: /^the host key of \S+ is not known: ssh-ed25519 SHA256:/,
  },
  {
    title: 'a key that the registry does not know',
    flags: async (site) => ['-key', (await makeSshKey(site.root, 'stranger')).path],
    status: 4,
    says: /does not accept user deploy-agent: tried \S+stranger/,
  },
  {
    title: 'a configuration that is not there',
    flags: ['-name', 'nosuch'],
    status: 1,
    says: /^the registry has no configuration "nosuch" \(check -name/,
  },
];

describe.each([
  ['the command line', USAGE],
  ['files', PLACES],
  ['the registry', REGISTRY],
])('refused because of %s: one line and an exit status', (_title, refusals) => {
  it.each(refusals)('$title: $status', async ({ flags, status, says }) => {
    const site = makeAgentSite(testScope());
    const more = typeof flags === 'function' ? await flags(site) : flags;
    const refused = await agentOnce(world, site, 'project', more);
    const errors = errorsIn(refused.stderr);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(says);
    expect(refused.stdout).toBe('');
    expect(refused.status).toBe(status);
    expect(site.calls()).toEqual([]);
  });
});

describe('known_hosts', () => {
  it('is what counts without a fingerprint, in the home directory unless a flag says otherwise', async () => {
    const { host, port } = world.registry;
    const scanned = await run('ssh-keyscan', ['-p', String(port), host]);
    const site = makeAgentSite(testScope());
    mkdirSync(join(site.root, '.ssh'));
    writeFileSync(join(site.root, '.ssh', 'known_hosts'), scanned.stdout);
    const env = { ...process.env, HOME: site.root };
    const done = await agentOnce(world, site, 'project', ['-fp', ''], { env });
    expect(done.status).toBe(0);
    expect(site.calls()).toHaveLength(1);
  });
});

describe('an agent that keeps looking', () => {
  it('says what is wrong each time, and goes on', async () => {
    const agent = startAgent(testScope(), world, makeAgentSite(testScope()), 'later');
    const missing = await agent.log.line((line) => line.kind === 'not-found');
    expect(missing.msg).toContain('the registry has no configuration "later"');
    const other = await packTree(testScope(), world.root, 'other', { 'b.txt': 'b' });
    await addConfiguration(world.operator, 'later', { other });
    await agent.log.line('deployed');
    expect(await stopAgent(agent)).toBe(0);
  });

  it('prints its help and its version', async () => {
    const help = await run(binPath('deploy-agent'), ['-h']);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    for (const flag of [
      '-addr',
      '-name',
      '-fp',
      '-key',
      '-dir',
      '-script',
      '-state',
      '-poll',
      '-cleanold',
      '-once',
      '-version',
    ]) {
      expect(help.stdout).toContain(`  ${flag} `.trimEnd());
    }
    expect((await run(binPath('deploy-agent'), ['-version'])).stdout).toMatch(/^deploy-agent \d/);
  });
});
