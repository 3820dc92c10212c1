import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import {
  type CurrentRequest,
  type CurrentResponse,
  dewyService,
} from '@deploy-tools/sources/adapters/dewy-service.js';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { SMTPServer } from 'smtp-server';
import { beforeAll, expect } from 'vitest';
import { type HttpPeer, startHttpPeer } from '../../packages/notices/test/support/http-peer.js';
import { type GoogleServer, startGoogle } from '../../packages/sources/test/adapters/google-server.js';
import { httpServer } from '../../packages/sources/test/objects/open-objects.js';
import { makeArchive } from '../support/archive.js';
import { filledIn, type PairTest, pathToPrograms, testPairs } from '../support/command-pairs.js';
import { addConfiguration, command } from '../support/configuration.js';
import { type GithubServer, startGithub } from '../support/github-server.js';
import { startOciServer } from '../support/oci-server.js';
import { describeWith, describeWithPython } from '../support/requires.js';
import { run } from '../support/run.js';
import { SWIFT, startS3Server } from '../support/s3-server.js';
import { fileScope, testScope } from '../support/scope.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const PAGE = 'coming-from-dewy.md';
const scope = fileScope();
let world: World;
let github: GithubServer;
let google: GoogleServer;
let slack: HttpPeer;

beforeAll(async () => {
  github = await startGithub(scope, { repository: 'linyows/myapp' });
  google = await startGoogle(scope, 'dewy-bucket');
  slack = await startHttpPeer(() => ({
    status: 200,
    body: JSON.stringify({ ok: true, channel: 'C01', ts: '1.0' }),
  }));
  scope.defer(() => slack.close());
  const started = await startWorld(scope, [], {
    ...{ GITHUB_API_URL: github.url, STORAGE_EMULATOR_HOST: google.host },
    ...{ SLACK_TOKEN: 'xoxb-test', SLACK_API_URL: slack.url },
    // As of the S3 server of the tests.
    ...{ AWS_ACCESS_KEY_ID: 'test:tester', AWS_SECRET_ACCESS_KEY: 'testing' },
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  world = await overOneConnection(scope, started);
});

/** The operator's shell. @returns what is printed. */
async function type(line: string): Promise<string> {
  const { host, port, fingerprint, site } = world.registry;
  const env = pathToPrograms({ DEPLOYCTL_ADDR: `${host}:${port}`, DEPLOYCTL_FINGERPRINT: fingerprint });
  const keyed = line.replace(/^deployctl /, `deployctl -key ${site.operator.path} -user ops `);
  const done = await run('sh', ['-c', keyed], { env });
  expect(done.status, `${line}: ${done.stderr}`).toBe(0);
  return done.stdout;
}

/** An artifact for whichever processor the registry runs on. */
async function artifacts(version: string): Promise<Record<string, Buffer>> {
  const archive = await makeArchive(scope, world.root, `made-${version}`, { version });
  const bytes = readFileSync(archive.path);
  return { 'myapp_linux_amd64.tar.gz': bytes, 'myapp_linux_arm64.tar.gz': bytes };
}

const versionsOf = (component: string): Promise<string> => command(world.operator, `showcomp ${component}`);
const check = (component: string): Promise<string> => command(world.operator, `check ${component}`);
const showWeb = (): Promise<string> => command(world.operator, 'showconf web');
let names = 0;

/** A track with these flags takes this version, from places of the test. @returns its component. */
async function takes(flags: string, version: string): Promise<string> {
  names += 1;
  const name = `component${names}`;
  await type(`deployctl addtrack -component ${name} ${flags}`);
  await check(name);
  expect(await versionsOf(name)).toContain(version);
  return name;
}

/** A configuration of one layer of its own, of this component. */
async function configuration(name: string, component: string): Promise<void> {
  await addConfiguration(world.operator, name, {
    [component]: await makeArchive(scope, world.root, name, { name }),
  });
}

const fromGithub =
  (tag: string, files: () => Promise<Record<string, Buffer>>, rest = ''): PairTest =>
  async (ours = '') => {
    github.publish(tag, await files());
    try {
      await takes(`${ours}${rest}`, tag);
    } finally {
      github.remove(tag);
    }
  };

testPairs(PAGE, 'dewy', 'The registry follows', {
  'dewy server --registry ghr://linyows/myapp': async (ours = '') => {
    await configuration('web', 'myapp');
    github.publish('v1.1.0', await artifacts('1.1.0'));
    await type(ours);
    await check('myapp');
    expect(await showWeb()).toMatch(/^myapp +v1\.1\.0 /);
  },
  "--registry 'ghr://linyows/myapp?pre-release=true&artifact=dewy.tar'": fromGithub(
    'v9.0.0-rc.1',
    async () => ({
      'dewy.tar': (await artifacts('rc'))['myapp_linux_amd64.tar.gz'] ?? Buffer.alloc(0),
    }),
  ),
  "--registry 'ghr://linyows/myapp?calver=YYYY.0M.MICRO'": fromGithub('2026.07.3', () => artifacts('cal')),
  "--registry 's3://jp-north-1/dewy/foo/myapp?endpoint=https://s3.example.com'": {
    where: (title, body) => describeWithPython(...SWIFT, title, body),
    run: async (ours = '') => {
      const s3 = await startS3Server(testScope());
      for (const [name, bytes] of Object.entries(await artifacts('s3')))
        await s3.put('dewy', `foo/myapp/v1.2.4/${name}`, bytes);
      // The server of the tests has one region.
      const places = { 'https://s3.example.com': s3.endpoint, 'jp-north-1': 'us-east-1' };
      await takes(filledIn(ours, places), 'v1.2.4');
    },
  },
  '--registry gs://dewy-bucket/foo/myapp': async (ours = '') => {
    for (const [name, bytes] of Object.entries(await artifacts('gs')))
      google.objects.set(`foo/myapp/v1.2.5/${name}`, bytes);
    await takes(ours, 'v1.2.5');
  },
  "--registry 'grpc://localhost:9000?no-tls=true'": async (ours = '') => {
    const [bytes] = Object.values(await artifacts('grpc'));
    const url = await httpServer(testScope(), (_, response) => void response.end(bytes));
    const port = await startDewyService({ id: '1', tag: 'v1.2.6', artifact_url: `${url}/myapp.tar.gz` });
    await takes(filledIn(ours, { 'localhost:9000': `127.0.0.1:${port}` }), 'v1.2.6');
  },
  '--registry img://ghcr.io/linyows/myapp': {
    where: (title, body) => describeWith(['docker-registry'], title, body),
    run: async (ours = '') => {
      const server = await startOciServer(testScope());
      const [layer] = Object.values(await artifacts('img'));
      const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
      await server.push('linyows/myapp', 'v1.2.7', [layer ?? Buffer.alloc(0)], { os: 'linux', architecture });
      const name = 'image';
      await type(`deployctl addtrack -component ${name} ${filledIn(ours, { 'ghcr.io': server.host })}`);
      await check(name);
      expect(await versionsOf('image.l1')).toMatch(/[0-9a-f]{12}/);
    },
  },
  '--slot blue': async (ours = '') => {
    github.publish('v1.0.8+green', await artifacts('green'));
    await fromGithub('v1.0.7+blue', () => artifacts('blue'), ' -source ghr://linyows/myapp')(ours);
    github.remove('v1.0.8+green');
  },
  '--interval 60': async (ours = '') => {
    const name = await takes(`${ours} -source ghr://linyows/myapp`, 'v1.1.0');
    const tracks = JSON.parse(await command(world.operator, 'tracks -json')) as { component: string }[];
    expect(tracks.find(({ component }) => component === name)).toMatchObject({ intervalMs: 60_000 });
  },
  "--cache 's3://ap-northeast-1/cache?registry-ttl=30s'": async (ours = '') => {
    await check('myapp'); // it may have looked last while another test's release was there
    const before = github.requests.length;
    await type(ours);
    expect(github.requests.slice(before).map(({ status }) => status)).toContain(304);
  },
  'gh release delete v1.2.3': async (ours = '') => {
    github.publish('v1.2.3', await artifacts('1.2.3'));
    await check('myapp');
    expect(await showWeb()).toMatch(/^myapp +v1\.2\.3 /);
    await type(ours);
    expect(await showWeb()).toMatch(/^myapp +v1\.1\.0 /);
    await check('myapp');
    expect(await showWeb()).toMatch(/^myapp +v1\.1\.0 /);
  },
});

/** A real gRPC server that always wants the same. @returns its port. */
async function startDewyService(wanted: CurrentResponse): Promise<number> {
  const server = new Server();
  server.addService(dewyService(), {
    Current: (_: ServerUnaryCall<CurrentRequest, CurrentResponse>, done: sendUnaryData<CurrentResponse>) =>
      done(null, wanted),
    Report: (_: unknown, done: sendUnaryData<object>) => done(null, {}),
  });
  testScope().defer(() => server.forceShutdown());
  return await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

/** A receiver that was added gets a message. @returns what Slack heard meanwhile. */
async function added(line: string): Promise<string[]> {
  const before = slack.requests.length;
  await type(line);
  const receivers = JSON.parse(await command(world.operator, 'notify list -json')) as {
    id: number;
    url: string;
  }[];
  const newest = receivers.at(-1);
  await command(world.operator, `notify test ${newest?.id}`);
  return slack.requests.slice(before).map(({ body }) => body);
}

testPairs(PAGE, 'dewy', 'Notices', {
  "--notifier 'slack://general?title=myapp&url=https://example.com'": async (ours = '') => {
    const [said] = await added(ours);
    for (const text of ['general', 'myapp', 'https://example.com']) expect(said).toContain(text);
  },
  "--notifier 'slack://general?quiet=true'": async (ours = '') => {
    expect((await added(ours))[0]).toContain('general');
    const known = await command(world.operator, 'notify list');
    expect(known).toContain('quiet=true');
  },
  "--notifier 'smtp://mail.example.com:25/ops@example.com?from=deploy@example.com&tls=false'": async (
    ours = '',
  ) => {
    const mails: string[] = [];
    const server = new SMTPServer({
      hideSTARTTLS: true,
      authOptional: true,
      onData: (stream, { envelope }, done) => {
        mails.push(envelope.rcptTo.map(({ address }) => address).join());
        stream.resume().on('end', () => done());
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    testScope().defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const { port } = server.server.address() as AddressInfo;
    await added(filledIn(ours, { 'mail.example.com:25': `127.0.0.1:${port}` }));
    expect(mails).toEqual(['ops@example.com']);
  },
});
