import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { describeWith } from '../support/requires.js';
import { type RunResult, run } from '../support/run.js';
import { itServes, type Login } from './client-conformance.js';

const SMALL = 64 * 1024 * 1024;

async function dropbearArgs({ registry, user, key, dir }: Login, ...flags: string[]) {
  const converted = `${key.path}.dropbear`;
  if (!existsSync(converted)) await run('dropbearconvert', ['openssh', 'dropbear', key.path, converted]);
  const env = { ...process.env, HOME: dir };
  const args = [
    '-y',
    '-y',
    '-i',
    converted,
    '-p',
    String(registry.port),
    ...flags,
    `${user}@${registry.host}`,
  ];
  return { args, env };
}

/** dbclient has no SFTP of its own: ours, over its `-s`. */
async function sftp(login: Login, work: (client: SftpClient) => Promise<string>): Promise<RunResult> {
  const { args, env } = await dropbearArgs(login, '-s');
  const child = spawn('dbclient', [...args, 'sftp'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    const client = await SftpClient.start(Duplex.from({ readable: child.stdout, writable: child.stdin }));
    const stdout = await work(client);
    client.end();
    return { status: 0, stdout, stderr: '' };
  } catch (error) {
    return { status: 1, stdout: '', stderr: String(error) };
  } finally {
    child.kill();
  }
}

async function* contentOf(path: string): AsyncGenerator<Uint8Array> {
  yield readFileSync(path);
}

describeWith(['dbclient', 'dropbearconvert'], 'Dropbear: dbclient', () => {
  itServes({
    registryFlags: ['-compat'],
    exec: async (login, line) => {
      const { args, env } = await dropbearArgs(login);
      // Refused its command, dbclient waits for the server to close the channel, which nobody does.
      const { log } = login.registry;
      const refused = new AbortController();
      const isRefusal = ({ msg }: { readonly msg?: unknown }) => String(msg).startsWith('exec refused');
      void log.lineAfter(log.lines.length, isRefusal, 60_000).then(
        () => refused.abort(),
        () => undefined, // it was not
      );
      return run('dbclient', [...args, line], { env, signal: refused.signal });
    },
    put: (login, local, remote) =>
      sftp(login, async (client) => {
        await client.upload(remote, contentOf(local));
        return '';
      }),
    get: (login, remote, local) =>
      sftp(login, async (client) => {
        writeFileSync(local, await client.readFile(remote, SMALL));
        return '';
      }),
    list: (login, path) =>
      sftp(login, async (client) => (await client.list(path)).map(({ filename }) => filename).join('\n')),
  });
});
