// The main job end to end, on real files: keys, registry, uploads with stock sftp, names with stock ssh, an agent with
// a deploy script, an update with deployctl, and the way back. Prints each command before it runs it; ends with status 1
// when any step does not show what it should.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'deploy-demo-'));
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, HOME: dir, USER: 'operator' };
delete env.SSH_AUTH_SOCK;
const running = [];

const bold = (text) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
const say = (text) => process.stdout.write(`\n${bold(`# ${text}`)}\n`);
const indent = (text) => process.stdout.write(text.replace(/^(?=.)/gm, '    '));

/** Runs one shell command line, prints it and what it printed, and fails the demo unless it succeeds and shows `expected`. */
function run(line, { expected, status = 0 } = {}) {
  process.stdout.write(`$ ${line}\n`);
  const {
    stdout,
    stderr,
    status: got,
  } = spawnSync('/bin/sh', ['-c', line], { cwd: dir, env, encoding: 'utf8' });
  indent(stdout + stderr);
  if (got !== status) throw new Error(`exit status ${got}, not ${status}: ${line}`);
  if (expected !== undefined && !(stdout + stderr).includes(expected))
    throw new Error(`no "${expected}" in the answer to: ${line}`);
  return stdout;
}

/** Starts a program in the background; `line(pattern)` waits for a line of its log. */
function start(line) {
  process.stdout.write(`$ ${line} &\n`);
  const child = spawn('/bin/sh', ['-c', `exec ${line}`], {
    cwd: dir,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const seen = [];
  const waiting = [];
  createInterface({ input: child.stderr }).on('line', (text) => {
    const entry = text.startsWith('{') ? JSON.parse(text) : { msg: text };
    seen.push(entry);
    for (const wait of [...waiting]) wait();
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let from = 0;
  const program = {
    child,
    ended,
    line: (test) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const at = seen.findIndex((entry, index) => index >= from && test(entry));
          if (at < 0) return;
          from = at + 1;
          settle();
          resolve(seen[at]);
        };
        const timer = setTimeout(() => fail('took too long'), 20_000);
        const fail = (why) => {
          settle();
          reject(new Error(`${line}: ${why}\n${seen.map((entry) => JSON.stringify(entry)).join('\n')}`));
        };
        const settle = () => {
          clearTimeout(timer);
          waiting.splice(waiting.indexOf(look), 1);
        };
        waiting.push(look);
        look();
        ended.then((code) => fail(`ended with status ${code}`));
      }),
  };
  running.push(program);
  return program;
}

const sha256 = (file) =>
  createHash('sha256')
    .update(readFileSync(join(dir, file)))
    .digest('hex');

/** Waits for one run of the deploy script and shows what it printed. */
async function scriptRan(agent, expected) {
  const lines = [];
  const done = await agent.line((entry) => {
    if (entry.stream === 'stdout') lines.push(entry.msg);
    return entry.msg === 'deployed';
  });
  const own = lines.slice(lines.findLastIndex((text) => text.startsWith('OLDROOT=')));
  indent(`${own.map((text) => text.replaceAll(`${dir}/`, '')).join('\n')}\n`);
  for (const text of expected) {
    if (!own.some((line) => line.includes(text))) throw new Error(`the script did not show "${text}"`);
  }
  return done.hash;
}

async function demo() {
  say('Two key pairs: one for an operator, one for the agents');
  run(
    'ssh-keygen -q -t ed25519 -N "" -C alice -f operator_key && ssh-keygen -q -t ed25519 -N "" -C host1 -f agent_key',
  );
  run('cp operator_key.pub operator.keys && cp agent_key.pub service.keys');

  say('The registry');
  const registry = start(
    'deploy-registry -addr localhost:0 -dir registry -opauth operator.keys -srvauth service.keys',
  );
  const { address, fingerprint } = await registry.line((entry) => entry.msg === 'registry ready');
  indent(`registry ready at ${address}, host key ${fingerprint}\n`);
  const port = address.slice(address.lastIndexOf(':') + 1);
  const config = [
    'Host registry',
    `  HostName ${address.startsWith('[') ? '::1' : '127.0.0.1'}`,
    `  Port ${port}`,
    '  User alice',
    `  IdentityFile ${dir}/operator_key`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${dir}/known_hosts`,
    '  StrictHostKeyChecking accept-new',
    '  LogLevel ERROR',
  ];
  writeFileSync(join(dir, 'ssh_config'), `${config.join('\n')}\n`);

  say('Two archives, uploaded with the stock sftp');
  mkdirSync(join(dir, 'project1'));
  writeFileSync(join(dir, 'project1/program.txt'), 'program body v1\n');
  writeFileSync(join(dir, 'project1/config.txt'), 'config v1\n');
  run('tar czf code_v1.tar.gz -C project1 program.txt && tar czf config_v1.tar.gz -C project1 config.txt');
  run('echo "put code_v1.tar.gz" | sftp -b - -F ssh_config registry');
  run('echo "put config_v1.tar.gz" | sftp -b - -F ssh_config registry');

  say('They become component versions, and a configuration is made of them, with the stock ssh');
  run(`ssh -F ssh_config registry addver -name code -version v01 -hash ${sha256('code_v1.tar.gz')}`);
  run(`ssh -F ssh_config registry addver -name config -version v01 -hash ${sha256('config_v1.tar.gz')}`);
  run('ssh -F ssh_config registry addconf -name project1 -layer code:v01 -layer config:v01');
  run('ssh -F ssh_config registry showconf -name project1', { expected: 'config   v01' });

  say('An agent follows project1 and runs a deploy script');
  const script =
    '#!/bin/sh\necho "OLDROOT=$OLDROOT"\necho "NEWROOT=$NEWROOT"\ncat "$NEWROOT/program.txt" "$NEWROOT/config.txt"\n';
  writeFileSync(join(dir, 'deploy.sh'), script);
  chmodSync(join(dir, 'deploy.sh'), 0o755);
  indent(script);
  const agent = start(
    `deploy-agent -addr ${address} -fp ${fingerprint} -key agent_key -name project1 -dir agent -state agent.json -script ./deploy.sh -poll 1s`,
  );
  const first = await scriptRan(agent, ['program body v1', 'config v1']);

  say('An update of config, with deployctl');
  writeFileSync(join(dir, 'project1/config.txt'), 'config v2\n');
  run('tar czf config_v2.tar.gz -C project1 config.txt');
  const to = `-addr ${address} -fp ${fingerprint} -key operator_key`;
  run(`deployctl ${to} addver -name config -version v02 -file config_v2.tar.gz`);
  run(`deployctl ${to} changeconf -name project1 -component config -version v02`);
  await scriptRan(agent, [`OLDROOT=agent/unpacked/${first}`.slice(8), 'config v2']);

  say('And back again');
  run(`deployctl ${to} changeconf project1 config:v01`);
  const last = await scriptRan(agent, ['config v1']);
  if (last !== first) throw new Error('the way back did not lead to the first configuration');

  say('Who did what');
  run(`deployctl ${to} audit -name project1`, { expected: 'changeconf' });

  say('Stop');
  for (const [name, program] of [
    ['agent', agent],
    ['registry', registry],
  ]) {
    program.child.kill('SIGTERM');
    const status = await program.ended;
    indent(`${name} ended with status ${status}\n`);
    if (status !== 0) throw new Error(`the ${name} did not end well`);
  }
}

try {
  await demo();
  process.stdout.write('\nThe demo showed everything it should.\n');
} catch (error) {
  process.stderr.write(`\ndemo failed: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  for (const { child } of running) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
}
