import { statusOf } from '@deploy-tools/registry/core/fleet/fleet-status.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { beforeEach, describe, expect, test } from 'vitest';
import { addText, OPERATOR, openRegistry, type TestRegistry } from '../support/open-registry.js';
import { type PlayedAgent, playAgent } from '../support/played-agent.js';

/** What a colour begins and ends with. */
const SGR = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, 'g');

let registry: TestRegistry;
let head: { revision: number; hash: string };

/** `project1` at revision 1, and nobody who follows it. */
beforeEach(async () => {
  registry = await openRegistry();
  for (const version of ['v1', 'v2']) await addText(registry, 'code', version);
  await ran('addconf project1 code:v1');
  head = JSON.parse(await ran('showconf project1 -json'));
});

/** What a command prints, on its feed and as its reply. */
async function run(
  line: string,
  terminal = false,
  signal = new AbortController().signal,
  onText = (_text: string) => {},
) {
  let text = '';
  const send = async (more: string) => {
    text += more;
    onText(text);
  };
  const { status, stdout, stderr } = await registry.dispatcher.run(
    { principal: OPERATOR, via: 'exec' },
    line,
    {
      send,
      signal,
      terminal,
    },
  );
  return { status, text: text + stdout, stderr };
}

async function ran(line: string): Promise<string> {
  const { status, text, stderr } = await run(line);
  if (status !== 0) throw new Error(`${line}: ${stderr}${text}`);
  return text;
}

async function host(
  name: string,
  report?: Partial<StateReport>,
  features?: readonly string[],
): Promise<PlayedAgent> {
  const agent = playAgent(registry, name, undefined, features);
  await agent.hello(['project1']);
  if (report !== undefined) await agent.report(stateOf(report));
  return agent;
}

function stateOf(report: Partial<StateReport>): StateReport {
  const running = { revision: head.revision, hash: head.hash };
  return {
    config: 'project1',
    state: 'healthy',
    ...running,
    deploy: 'd1',
    running,
    lastGood: running,
    ...report,
  };
}

const FAILED: Partial<StateReport> = {
  state: 'rolled-back',
  running: { revision: 0, hash: 'f'.repeat(64) },
  error: { kind: 'script', message: 'exit\nstatus \u001b[2J3' },
  log: ['line one', 'line \u001b[2Jtwo'],
  timings: { fetch: 1000, activate: 500 },
};

describe('status', () => {
  test('of a configuration without followers', async () => {
    expect(await ran('status project1')).toMatch(
      /^project1 is at revision 1 since .*\nno host follows it\n$/,
    );
    expect((await run('status nosuch')).stderr).toBe('configuration "nosuch" not found\n');
    expect((await run('status project1 -wait 0s')).status).toBe(3);
  });

  test('shows counts, then the hosts that need attention, worst first, then the others', async () => {
    const fine = [await host('web10', {}), await host('web2', {}), await host('web1', {})];
    const lost = await host('web4', {});
    registry.pass(30_000);
    lost.leave();
    registry.pass(20_000);
    for (const agent of fine) agent.beat();
    await host('web7', FAILED);
    await host('web5', { state: 'fetching', progress: { done: 1, total: 4 }, attempt: 2 });
    await host('web6');
    const lines = (await ran('status project1')).split('\n');
    expect(lines[1]).toBe('7 hosts: 1 failed, 1 lost, 1 unknown, 1 pending, 3 in sync');
    expect(lines.slice(3)).toEqual([
      'failed    web7   rolled-back   runs 0   0s    script: exit status \\x1b[2J3',
      'lost      web4   healthy       runs 1   50s   silent for 50s',
      'unknown   web6   -             runs -   0s    has not reported yet',
      'pending   web5   fetching      runs 1   0s    25%, attempt 2',
      'in sync   web1  web2  web10',
      '',
    ]);
  });

  test('after a change every host is pending until it says the new hash', async () => {
    const agent = await host('web1', {});
    await ran('changeconf project1 code:v2');
    expect((await run('status project1 -wait 0s')).text).toContain('1 host: 1 pending');
    const now = JSON.parse(await ran('showconf project1 -json'));
    await agent.report(stateOf({ hash: now.hash, revision: 2, deploy: 'd2' }));
    expect((await run('status project1 -wait 0s')).status).toBe(0);
    await ran('rollback project1');
    expect((await run('status project1 -wait 0s')).status).toBe(3);
  });

  test('after a rollback, tables say that hosts run what is wanted under an earlier number', async () => {
    const [v1, agent] = [head, await host('web1', {})];
    await ran('changeconf project1 code:v2');
    const v2 = JSON.parse(await ran('showconf project1 -json'));
    const running = { revision: 1, hash: v1.hash };
    await agent.report(stateOf({ state: 'rolled-back', hash: v2.hash, revision: 2, deploy: 'd2', running }));
    await ran('rollback project1');
    await agent.report({
      config: 'project1',
      state: 'skipped',
      hash: v1.hash,
      revision: 3,
      running,
      lastGood: running,
    });
    const cells = async (line: string) => (await ran(line)).split('\n').map((row) => row.split(/ {2,}/));
    expect((await cells('agents'))[1]?.slice(3, 6)).toEqual(['3', '1 = 3', 'skipped']);
    const landed = (await cells('history project1')).map((row) => row.at(-1));
    expect(landed).toEqual(['LANDED', '1 healthy', '1 rolled-back', '1 skipped (= 1)', '']);
    const last = JSON.parse(await ran('history project1 -json')).at(-1);
    expect(last).toMatchObject({ revision: 3, landed: { skipped: 1 }, sameAs: 1 });
    await agent.report({ config: 'project1', state: 'pending', hash: v1.hash, revision: 3, running });
    expect(await ran('status project1')).toMatch(/pending +web1 +pending +runs 1 = 3 /);
    await ran('changeconf project1 code:v2');
    expect((await cells('history project1'))[3]?.at(-1)).toBe('= 1');
  });

  test('a paused host is named with author, time and reason, also where it is in sync', async () => {
    const pause = { by: 'ops', since: '2026-03-01T12:00:00.000Z', reason: 'disk\n is\u001b[2J replaced' };
    const why = 'paused by ops since 2026-03-01T12:00:00Z: disk is\\x1b[2J replaced';
    await host('web1', {});
    await host('web2', { state: 'paused', pause });
    await host('web3', { state: 'paused' });
    const { status, text } = await run('status project1 -wait 0s');
    expect(text.split('\n').slice(1)).toEqual([
      '3 hosts: 3 in sync; 2 paused',
      '',
      `in sync   web2   paused   runs 1   0s   ${why}`,
      'in sync   web3   paused   runs 1   0s   paused by somebody on the host',
      'in sync   web1',
      '',
      'all hosts are in sync; paused: web2 web3',
      '',
    ]);
    expect(status).toBe(0);
    const json = JSON.parse(await ran('status project1 -json'));
    expect(json.hosts[1]).toMatchObject({ host: 'web2', category: 'in-sync', state: 'paused', pause });
    expect(json.hosts[0].pause).toBeNull();
    await ran('changeconf project1 code:v2');
    expect(await ran('status project1')).toMatch(/^pending +web2 +paused +runs 1 +0s +paused by ops since /m);
    expect(await run('retry project1 -host web2')).toMatchObject({
      status: 1,
      text: `web2 is ${why}; it tries again once it is resumed\nresume with "deploy-agent ctl resume" on the host\n`,
    });
  });

  test('has colours on a terminal, or when asked to', async () => {
    await host('web7', FAILED);
    expect((await run('status project1', true)).text).toContain('\n\u001b[1;31mfailed\u001b[0m    web7 ');
    expect((await run('status project1 -color never', true)).text).not.toContain('\u001b');
    expect((await run('status project1')).text).not.toContain('\u001b');
    expect((await run('status project1 -color=always')).text).toContain('\u001b[1;31mfailed');
    expect((await run('status project1 -color red')).stderr).toBe(
      'invalid color "red" (use always, never or auto)\n',
    );
  });

  test('what a host says cannot write on the terminal, as JSON neither', async () => {
    await host('web7', FAILED);
    const log = 'logs project1 web7';
    for (const line of ['status project1', 'agents', 'history project1 -host web7', log, 'audit -agents']) {
      for (const form of [line, `${line} -json`]) {
        const { text, status } = await run(form, true);
        expect(status).toBe(0);
        expect(text.replaceAll(SGR, '')).not.toMatch(/[^\P{Cc}\n\t]|\p{Cf}/u);
      }
    }
  });

  test('-follow shows the hosts, then each change, until it is enough', async () => {
    const agent = await host('web1', {});
    const ending = new AbortController();
    let shown = '';
    let wake = () => {};
    const following = run('status project1 -follow -json', false, ending.signal, (text) => {
      shown = text;
      wake();
    });
    const until = async (words: string) => {
      while (!shown.includes(words)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    await until('"category":"in-sync"');
    await host('web2');
    await until('"host":"web2"');
    await agent.report(stateOf({ ...FAILED, deploy: 'd2' }));
    await until('"category":"failed"');
    ending.abort();
    const { status, text } = await following;
    expect(status).toBe(0);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ host: name, category }) => `${name} ${category}`)).toEqual([
      'web1 in-sync',
      'web2 unknown',
      'web1 failed',
    ]);
  });

  describe.each(['', ' -settle'])('-wait%s', (settle) => {
    const fleet = Array.from({ length: 20 }, (_, at) => `web${at + 1}`);
    const failing = { ...FAILED, log: ['Address in use'] };

    test('ends when every host has come to an end, and their logs are there then', async () => {
      const agents = await Promise.all(fleet.map((name) => host(name, { state: 'validating' })));
      const waiting = run(`status project1 -wait 1h${settle}`);
      let isOver = false;
      void waiting.then(() => {
        isOver = true;
      });
      for (const agent of agents) await agent.report(stateOf({ ...FAILED, state: 'rolling-back' }));
      const last = agents.splice(6, 1);
      for (const agent of agents) await agent.report(stateOf(failing));
      expect((await run('status project1 -wait 0s')).text).toMatch(/\nfailed: .*; not at an end: web7\n$/);
      expect(isOver).toBe(false);
      const told = last[0]?.report(stateOf({ ...failing, log: ['Address in use', 'the way back'] }));
      const { status, text } = await waiting;
      expect(await ran('logs project1 web7')).toMatch(
        /rolled-back at .*\n.*\nAddress in use\nthe way back\n$/,
      );
      await told;
      expect(status).toBe(1);
      expect(text).toContain('20 hosts: 20 failed');
      expect(text.endsWith(`\nfailed: ${fleet.join(' ')}\n`)).toBe(true);
    });

    test('ends with a host that was given up', async () => {
      const [, given] = [await host('web1', {}), await host('web2', { ...FAILED, state: 'rolling-back' })];
      const waiting = run(`status project1 -wait 1h${settle}`);
      await given.report(stateOf({ ...FAILED, state: 'inconsistent' }));
      expect(await waiting).toMatchObject({ status: 1, text: expect.stringMatching(/\nfailed: web2\n$/) });
    });
  });

  test('-wait waits for hosts that have not begun only with -settle', async () => {
    await host('web1', FAILED);
    const agent = await host('web2', { state: 'fetching' });
    expect((await run('status project1 -wait 1h')).text).toMatch(/\nfailed: web1\n$/);
    const waiting = run('status project1 -wait 1h -settle');
    await agent.report(stateOf({}));
    expect((await waiting).text).toContain('2 hosts: 1 failed, 1 in sync');
  });

  test('on a terminal -wait shows the hosts, each change, and how it ended', async () => {
    const [agent] = [await host('web1', { state: 'fetching' }), await host('web2', {})];
    let waiting: ReturnType<typeof run> | undefined;
    await new Promise<void>((resolve) => {
      waiting = run('status project1 -wait 1h -color never', true, undefined, () => resolve());
    });
    await agent.report(stateOf({}));
    const { status, text = '' } = (await waiting) ?? {};
    expect(status).toBe(0);
    expect(text.replace(/^.*since.*$/gm, '…').replace(/^\S+Z/m, 'TIME')).toBe(
      [
        '…',
        '2 hosts: 1 pending, 1 in sync',
        '',
        'pending   web1   fetching   runs 1   0s',
        'in sync   web2',
        'TIME   in sync   web1   healthy   runs 1   0s',
        '…',
        '2 hosts: 2 in sync',
        '',
        'in sync   web1  web2',
        '',
        'all hosts are in sync',
        '',
      ].join('\n'),
    );
  });

  test.each([
    ['-follow', false],
    ['', true],
    ['-progress always', false],
  ])(
    '%s with -wait shows the table once when all is in sync already (terminal: %s)',
    async (flags, terminal) => {
      await host('web1', {});
      const { text } = await run(`status project1 -wait 1h -color never ${flags}`, terminal);
      expect(text.match(/1 host: 1 in sync/g)).toHaveLength(1);
      expect(text.endsWith('\nin sync   web1\n\nall hosts are in sync\n')).toBe(true);
      const silent = (await run('status project1 -wait 1h')).text;
      expect(text).toBe(silent);
      expect((await run('status project1 -wait 0s -progress maybe')).stderr).toContain(
        'invalid progress "maybe"',
      );
    },
  );

  test('an outcome that is not stored yet is no end', async () => {
    const agent = await host('web1', { state: 'rolling-back' });
    const told = agent.report(stateOf(FAILED));
    expect(statusOf(registry.fleet, registry.fleet.followers('project1'), () => head.hash)).toMatchObject([
      { category: 'failed', settled: false, isChanging: true },
    ]);
    await told;
    expect(statusOf(registry.fleet, registry.fleet.followers('project1'), () => head.hash)).toMatchObject([
      { category: 'failed', settled: true, isChanging: false },
    ]);
  });

  test('-wait that is interrupted is no answer', async () => {
    await host('web1', { state: 'fetching' });
    const ending = new AbortController();
    const waiting = run('status project1 -wait 1h', false, ending.signal);
    ending.abort();
    expect(await waiting).toMatchObject({ status: 1, stderr: 'interrupted before all hosts were done\n' });
  });
});

describe('agents', () => {
  test('lists every host and what it follows; by configuration, by label, by name', async () => {
    const agent = playAgent(registry, 'web1');
    await agent.hello(['project1', 'gone']);
    await agent.report(stateOf({}));
    await host('web2', FAILED);
    expect((await ran('agents')).replace(/ +/g, ' ').split('\n')).toEqual([
      'SYNC HOST CONFIGURATION WANTED RUNS STATE HEARD AGENT',
      'failed web2 project1 1 0 rolled-back now 0.2.0',
      'unknown web1 gone - - - now 0.2.0',
      'in sync web1 project1 1 1 healthy now 0.2.0',
      '',
      '3 hosts: 1 failed, 1 unknown, 1 in sync',
      '',
    ]);
    expect(await ran('agents -names')).toBe('web1\nweb2\n');
    expect(JSON.parse(await ran('agents -name gone -json'))).toMatchObject([
      { host: 'web1', configuration: 'gone' },
    ]);
    expect(await ran('agents -label zone=a -label zone=b -names')).toBe('');
    expect(await ran('agents -label zone=a gone -names')).toBe('web1\n');
    expect((await run('agents -label zone')).stderr).toBe('invalid label "zone" (write it as key=value)\n');
  });
});

describe('retry', () => {
  test('goes to the hosts that are not in sync, and names those that are not connected', async () => {
    const [fine, failed, gone] = [
      await host('web1', {}),
      await host('web2', FAILED),
      await host('web3', FAILED),
    ];
    gone.leave();
    expect(await run('retry project1')).toMatchObject({
      status: 1,
      text: 'told: web2\nnot connected: web3\n',
    });
    expect([fine.told, failed.told]).toEqual([[], [{ type: 'retry', config: 'project1' }]]);
    expect(await run('retry project1 -host web1 -json')).toMatchObject({ status: 0 });
    expect(fine.told).toHaveLength(1);
    expect((await run('retry project1 -host web9')).stderr).toBe('no host web9 follows "project1"\n');
    await ran('forget web3');
    await failed.report(stateOf({ deploy: 'd2' }));
    expect(await ran('retry project1')).toBe('all hosts are in sync: nothing to try again\n');
  });
});

describe('cancel', () => {
  test('tells those that are deploying, by whom, and names those that would not know what is meant', async () => {
    const busy: Partial<StateReport> = { state: 'validating' };
    const [fine, deploying, old] = [
      await host('web1', {}),
      await host('web2', busy, ['again', 'cancel']),
      await host('web3', busy),
    ];
    expect(await run('cancel project1')).toMatchObject({
      status: 1,
      text: 'told: web2\nagents of a version without cancel: web3\n',
    });
    const order = { type: 'cancel', config: 'project1', by: OPERATOR.comment };
    expect([fine.told, deploying.told, old.told]).toEqual([[], [order], []]);
    await deploying.report(stateOf({ deploy: 'd1', state: 'healthy' }));
    old.leave();
    await ran('forget web3');
    expect(await ran('cancel project1')).toBe('no host is deploying: nothing to cancel\n');
  });
});

describe('logs', () => {
  test('are of the last deploy, of one that is named, and of what is under way', async () => {
    const agent = await host('web1', { log: ['first log'] });
    registry.pass(1000);
    await agent.report(stateOf({ ...FAILED, deploy: 'd2' }));
    expect(await ran('logs project1 web1')).toMatch(
      /^web1, project1, deploy d2: revision 1 rolled-back at \S+Z\nscript: exit status \\x1b\[2J3\nline one\nline \\x1b\[2Jtwo\n$/,
    );
    expect(await ran('logs project1 web1 -deploy d1')).toContain('healthy at');
    await agent.report(stateOf({ state: 'activating', deploy: 'd3', log: ['so far'] }));
    expect(await ran('logs project1 web1')).toBe('web1, project1, deploy d3: under way\nso far\n');
    expect(JSON.parse(await ran('logs project1 web1 -json'))).toMatchObject({ deploy: 'd3', result: null });
    await agent.report(stateOf({ ...FAILED, deploy: 'd3', log: ['so far', 'and its end'] }));
    expect(await ran('logs project1 web1')).toMatch(
      /deploy d3: revision 1 rolled-back .*so far\nand its end\n$/s,
    );
    const veto = { kind: 'script', message: 'the pre hook says not now: backup is running' };
    await agent.report(stateOf({ state: 'vetoed', deploy: 'd3b', error: veto, log: ['backup is running'] }));
    expect(await ran('logs project1 web1')).toBe(
      `web1, project1, deploy d3b: vetoed\nscript: ${veto.message}\nbackup is running\n`,
    );
    expect(await ran('status project1')).toMatch(
      /^pending +web1 +vetoed .* script: the pre hook says not now: backup/m,
    );
    const why = { kind: 'unhealthy', message: 'not healthy' } as const;
    await agent.report(stateOf({ state: 'rolling-back', deploy: 'd4', error: why }));
    expect(await ran('logs project1 web1')).toBe(
      'web1, project1, deploy d4: under way\nunhealthy: not healthy\n',
    );
    expect((await run('logs project1 web1 -deploy d9')).stderr).toContain(
      'no deploy d9 of "project1" on host web1',
    );
    expect((await run('logs project1 web9')).stderr).toContain(
      '(history -name project1 -host web9 lists them)',
    );
  });
});

describe('audit -agents', () => {
  test('has what agents did between what operators did', async () => {
    await host('web1', {});
    registry.pass(1000);
    await ran('changeconf project1 code:v2');
    registry.pass(1000);
    await host('web2', { ...FAILED, revision: 2 });
    const seen = JSON.parse(await ran('audit -agents -changes -json')) as {
      command: string;
      result: string;
    }[];
    expect(seen.map(({ command, result }) => `${command} ${result}`)).toEqual([
      'addconf ok',
      'deploy ok',
      'changeconf ok',
      'deploy failed',
    ]);
    expect(await ran('audit -agents -name web2')).toMatch(
      /deploy -name=project1 -host=web2 -revision=2 -attempt=- {2}# rolled-back: script: exit status \\x1b\[2J3 +$/m,
    );
    expect(await ran('audit -name project1')).not.toContain('deploy ');
    expect(JSON.parse(await ran('audit -agents -limit 1 -command deploy -json'))).toHaveLength(1);
  });
});
