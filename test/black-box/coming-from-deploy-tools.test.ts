import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import { classicImage, makeTar } from '../../packages/shared/test/image/make-image.js';
import { type AgentSite, makeAgentSite, stopAgent } from '../support/agent-site.js';
import { type Archive, makeArchive, upload } from '../support/archive.js';
import { filledIn, type PairTest, pathToPrograms, testPairs, wordsOf } from '../support/command-pairs.js';
import { addConfiguration, command } from '../support/configuration.js';
import { startProgram } from '../support/program.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const PAGE = 'coming-from-deploy-tools.md';
const scope = fileScope();
let world: World;
let archive: Archive;
let names = 0;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  archive = await makeArchive(scope, world.root, 'code', { code: 'version 1' });
});

/** Of the page's names of components and configurations, ones of their own for each command that is typed. */
interface Names {
  readonly code: string;
  readonly config: string;
  readonly project1: string;
}

const asked = (line: string): Promise<string> => command(world.operator, line);

/** Types a command of the page in the directory of the test's files. @returns what it prints. */
async function type(line: string, own: Partial<Names> = {}): Promise<string> {
  const { registry, operator, agent, root } = world;
  const { host, port, fingerprint, site } = registry;
  const key = `-key ${site.operator.path} -user ops`;
  const clients: Record<string, string> = {
    'ssh -p 2022 localhost': `ssh ${operator.sshArgs().join(' ')}`,
    'sftp -P 2022 localhost': `sftp ${operator.options.join(' ')} -P ${port} ops@${host}`,
    'sftp -P 2022 deploy-agent@localhost': `sftp ${agent.options.join(' ')} -P ${port} deploy-agent@${host}`,
    'deployctl ': `deployctl ${key} `,
    'deploy-from-docker': `deploy-from-docker ${key}`,
    'docker save app:v1': 'cat app-v1.tar',
  };
  let typed = line;
  for (const [name, instead] of Object.entries(own))
    typed = typed.replace(new RegExp(`\\b${name}\\b(?!\\.tar)`, 'g'), instead);
  for (const [client, instead] of Object.entries(clients)) typed = typed.replace(client, instead);
  const env = pathToPrograms({ DEPLOYCTL_ADDR: `${host}:${port}`, DEPLOYCTL_FINGERPRINT: fingerprint });
  const done = await run('sh', ['-c', typed], { env, cwd: root });
  expect(done.status, `${typed}: ${done.stderr}`).toBe(0);
  return done.stdout;
}

/** A configuration of two layers, with a second version of each that it does not have. */
async function project(): Promise<Names> {
  names += 1;
  const own = { code: `code${names}`, config: `config${names}`, project1: `project${names}` };
  await addConfiguration(world.operator, own.project1, { [own.code]: archive });
  for (const line of [
    `addver -name ${own.code} -version v01 -hash ${archive.hash}`,
    `addver -name ${own.config} -version v01 -hash ${archive.hash}`,
    `addver -name ${own.config} -version v02 -hash ${archive.hash}`,
    `delconf ${own.project1} -force`,
    `addconf ${own.project1} ${own.code}:v1 ${own.config}:v01`,
  ])
    await asked(line);
  return own;
}

/** Both sides, each in a project of its own. @param look what has come of it. */
const both =
  (
    theirs: string,
    look: (own: Names, printed: string) => Promise<void>,
    before: (own: Names) => Promise<unknown> = async () => {},
  ): PairTest =>
  async (ours = '') => {
    for (const line of theirs === ours ? [ours] : [theirs, ours]) {
      const own = await project();
      await before(own);
      await look(own, await type(line, own));
    }
  };

const layersOf = async ({ project1 }: Names): Promise<string[]> =>
  (await asked(`showconf ${project1}`))
    .trim()
    .split('\n')
    .map((row) => row.split(/\s+/).slice(0, 2).join(':'));

/** A row whose test is told its left side. */
function pair(
  theirs: string,
  look: (own: Names, printed: string) => Promise<void>,
  before?: (own: Names) => Promise<unknown>,
): Record<string, PairTest> {
  return { [theirs]: both(theirs, look, before) };
}

const REGISTRY =
  'deploy-registry -addr localhost:2022 -dir registry -opauth operator.keys -srvauth service.keys -maxver 10 -deadline 30m';
const AGENT =
  'deploy-agent -addr localhost:2022 -fp FINGERPRINT -key id_ecdsa -name project1 -dir agent -script ./deploy.sh -state state.json -poll 30s -cleanold -v';

testPairs(PAGE, 'deploy-tools', 'Commands', {
  [REGISTRY]: async (ours = '') => {
    const dir = join(world.root, 'another');
    mkdirSync(dir);
    const { operatorKeys, agentKeys } = world.registry.site;
    const places = { 'operator.keys': operatorKeys, 'service.keys': agentKeys };
    const there = { 'localhost:2022': '127.0.0.1:0', '-dir registry': `-dir ${dir}`, ...places };
    const [program = '', ...args] = await wordsOf(filledIn(ours, there));
    const registry = startProgram(testScope(), program, args);
    await registry.log.line('registry ready');
    registry.child.kill('SIGTERM');
    expect([await registry.ended, existsSync(join(dir, 'host_key'))]).toEqual([0, true]);
  },

  'echo "put code.tar.gz" | sftp -P 2022 localhost': async (ours = '') => {
    await type(ours);
    await asked(`addver -name by-sftp -version v1 -hash ${archive.hash}`);
    expect(await asked('showcomp by-sftp')).toMatch(/ v1 *\n$/);
  },
  'ssh -p 2022 localhost addver -name code -version v01 -hash HASH': async (ours = '') => {
    await upload(world.operator, archive);
    await type(filledIn(ours, { HASH: archive.hash }), { code: 'by-ssh' });
    expect(await asked('showcomp by-ssh')).toMatch(/ v01 *\n$/);
  },
  'deployctl addver -name config -version v01 -file config.tar.gz': async (ours = '') => {
    await makeArchive(testScope(), world.root, 'config', { config: 'red' });
    await type('deployctl addver -name config -version v01 -file config.tar.gz', { config: 'by-theirs' });
    await type(ours, { config: 'by-ours' });
    for (const name of ['by-theirs', 'by-ours']) expect(await asked(`showcomp ${name}`)).toMatch(/ v01 *\n$/);
  },

  ...pair(
    'deployctl addconf -name project1 -layer code:v01 -layer config:v01',
    async (own) => expect(await layersOf(own)).toEqual([`${own.code}:v01`, `${own.config}:v01`]),
    ({ project1 }) => asked(`delconf ${project1} -force`),
  ),
  ...pair('deployctl changeconf -name project1 -component config -version v02', async (own) =>
    expect(await layersOf(own)).toEqual([`${own.code}:v1`, `${own.config}:v02`]),
  ),
  ...pair('ssh -p 2022 localhost bumpconf -name project1 -component code', async (own) =>
    expect(await layersOf(own)).toEqual([`${own.code}:v01`, `${own.config}:v01`]),
  ),
  ...pair('deployctl showconf -name project1', async (own, printed) =>
    expect(printed).toMatch(new RegExp(`^${own.code} +v1 .*\\n${own.config} +v01 .*\\n$`)),
  ),
  ...pair('deployctl showcomp -name code', async (_, printed) =>
    expect(printed).toMatch(/^\S+Z +v1 *\n\S+Z +v01 *\n$/),
  ),
  ...pair('deployctl components', async (own, printed) =>
    expect(printed.split('\n')).toEqual(expect.arrayContaining([own.code, own.config])),
  ),
  ...pair('deployctl configurations', async (own, printed) =>
    expect(printed.split('\n')).toContain(own.project1),
  ),
  ...pair('deployctl delver -name code -version v01', async ({ code }) =>
    expect(await asked(`showcomp ${code}`)).toMatch(/^\S+ +v1 *\n$/),
  ),
  ...pair('deployctl delconf -name project1 -force', async ({ project1 }) =>
    expect((await asked('configurations')).split('\n')).not.toContain(project1),
  ),
  ...pair(
    'deployctl delcomp -name code',
    async ({ code }) => expect((await asked('components')).split('\n')).not.toContain(code),
    ({ project1 }) => asked(`delconf ${project1} -force`),
  ),

  'docker save app:v1 | deploy-from-docker -name app': async (ours = '') => {
    const layer = makeTar([{ path: 'app', content: 'of the image' }]);
    writeFileSync(join(world.root, 'app-v1.tar'), classicImage([layer]));
    await type(ours);
    expect(await asked('showconf app')).toMatch(/^app\.l1 +[0-9a-f]+ /);
  },
  'sftp -P 2022 deploy-agent@localhost:configs/project1.json': async (ours = '') => {
    const own = await project();
    await type(ours, own);
    const told = JSON.parse(readFileSync(join(world.root, `${own.project1}.json`), 'utf8'));
    expect(told).toMatchObject({ Name: own.project1, Layers: [{ Name: own.code }, { Name: own.config }] });
  },

  [AGENT]: async (ours = '') => {
    const { project1 } = await project();
    const site: AgentSite = makeAgentSite(testScope());
    const { host, port, fingerprint, site: files } = world.registry;
    const [program = '', ...args] = await wordsOf(
      filledIn(ours, {
        ...{ 'localhost:2022': `${host}:${port}`, FINGERPRINT: fingerprint, id_ecdsa: files.agent.path },
        ...{ '-name project1': `-name ${project1}`, '-dir agent': `-dir ${site.dir}` },
        ...{ './deploy.sh': site.script, 'state.json': site.state },
      }),
    );
    const agent = startProgram(testScope(), program, args);
    await agent.log.line('deployed');
    expect(site.calls()).toHaveLength(1);
    expect(JSON.parse(readFileSync(site.state, 'utf8'))).toMatchObject({ Name: project1 });
    expect(await stopAgent(agent)).toBe(0);
  },
});
