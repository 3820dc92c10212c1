import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReceiver } from '@deploy-tools/notices/open-receiver.js';
import type { Message } from '@deploy-tools/notices/receiver.js';
import { recentThreads } from '@deploy-tools/notices/recent-threads.js';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { describeWith } from '../../../../test/support/requires.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { deployOf, failedOf, messageOf, TIME } from '../support/samples.js';

const NEVER = new AbortController().signal;

interface Mailbox {
  readonly port: number;
  readonly mails: { text: string; from: string; to: string[]; secure: boolean; user: string | undefined }[];
}

/** A real mail server. */
async function startMailbox(options: SMTPServerOptions): Promise<Mailbox> {
  const mails: Mailbox['mails'] = [];
  const server = new SMTPServer({
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          text: Buffer.concat(chunks).toString('utf8'),
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          secure: session.secure,
          user: session.user,
        });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {}); // what a client does wrong
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

function send(port: number, query: string, environment = {}, message: Message = messageOf(), signal = NEVER) {
  const tools = {
    environment,
    clock: () => new Date(TIME),
    threads: recentThreads(),
    programs: 'none',
  } as const;
  const url = `smtp://localhost:${port}/ops@example.com?from=deploy@example.com&${query}`;
  return openReceiver(url, tools).send(message, signal);
}

const WITHOUT_TLS = { disabledCommands: ['STARTTLS', 'AUTH'], hideSTARTTLS: true, authOptional: true };

describe('smtp without TLS', () => {
  it('tls=off: the mail arrives', async () => {
    const box = await startMailbox(WITHOUT_TLS);
    await send(
      box.port,
      'tls=off&subject=Deploys',
      { MAIL_USERNAME: 'me', MAIL_PASSWORD: 'secret' },
      messageOf(failedOf('ü')),
    );
    expect(box.mails).toMatchObject([
      { from: 'deploy@example.com', to: ['ops@example.com'], secure: false, user: undefined },
    ]);
    const text = box.mails[0]?.text ?? '';
    expect(text).toMatch(/^Subject: Deploys: project1 revision 7: failed on 1 of 3 hosts\r$/m);
    expect(text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(text).toMatch(/^X-Deploy-Event: deploy-failed\r$/m);
    expect(text).toContain('script: =C3=BC');
  });

  it('mails of one rollout name the same thread, of another one another', async () => {
    const box = await startMailbox(WITHOUT_TLS);
    await send(box.port, 'tls=off', {}, messageOf(deployOf('deploy-started'), 'a'));
    await send(box.port, 'tls=off', {}, messageOf(failedOf('x'), 'b'));
    await send(box.port, 'tls=off', {}, messageOf(deployOf('deploy-started', { revision: 8 }), 'c'));
    const [first, second, third] = box.mails.map(({ text }) => /^References: (.*)\r$/m.exec(text)?.[1]);
    expect(first).toMatch(/^<[0-9a-f]{32}@deploy-tools\.invalid>$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(box.mails[1]?.text).toMatch(/^Message-ID: <b@deploy-tools\.invalid>\r$/im);
  });

  it('a server without TLS gets nothing unless told', async () => {
    const box = await startMailbox(WITHOUT_TLS);
    expect(await kindOfRejection(send(box.port, ''))).toBe('connect');
    expect(box.mails).toEqual([]);
  });

  it.each([
    [550, 'invalid'],
    [451, 'connect'],
  ])('a recipient that is refused with %i is %s', async (responseCode, kind) => {
    const box = await startMailbox({
      ...WITHOUT_TLS,
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('no'), { responseCode })),
    });
    expect(await kindOfRejection(send(box.port, 'tls=off'))).toBe(kind);
  });

  it('nobody there is connect', async () => {
    expect(await kindOfRejection(send(1, 'tls=off'))).toBe('connect');
  });

  it('a server that says nothing is left at the signal, its connection too', async () => {
    const late = new AbortController();
    const server = createServer();
    const left = new Promise<void>((resolve) => {
      server.once('connection', (socket) => {
        socket.resume().once('close', () => resolve());
        late.abort();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    expect(await kindOfRejection(send(port, 'tls=off', {}, messageOf(), late.signal))).toBe('cancelled');
    await left;
  });
});

describeWith(['openssl'], 'smtp with TLS', () => {
  let dir: string;
  let ca: string;
  let tls: { key: Buffer; cert: Buffer };

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
    ca = join(dir, 'cert.pem');
    const files = ['-keyout', join(dir, 'key.pem'), '-out', ca];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...kind, ...files, ...subject], { stdio: 'ignore' });
    tls = { key: readFileSync(join(dir, 'key.pem')), cert: readFileSync(ca) };
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const login: SMTPServerOptions['onAuth'] = ({ username = '', password }, _session, done) =>
    password === 'secret' ? done(null, { user: username }) : done(new Error('Invalid username or password'));

  it('STARTTLS, and who we are', async () => {
    const box = await startMailbox({ ...tls, onAuth: login });
    await send(box.port, `ca=${ca}`, { MAIL_USERNAME: 'me', MAIL_PASSWORD: 'secret' });
    expect(box.mails).toMatchObject([{ secure: true, user: 'me' }]);
  });

  it('TLS from the first byte', async () => {
    const box = await startMailbox({ ...tls, secure: true, authOptional: true });
    await send(box.port, `tls=implicit&ca=${ca}`);
    expect(box.mails).toMatchObject([{ secure: true }]);
  });

  it('a certificate that nobody vouches for is refused', async () => {
    const box = await startMailbox({ ...tls, authOptional: true });
    expect(await kindOfRejection(send(box.port, ''))).toBe('connect');
    expect(box.mails).toEqual([]);
  });

  it('a wrong password is denied', async () => {
    const box = await startMailbox({ ...tls, onAuth: login });
    const environment = { MAIL_USERNAME: 'me', MAIL_PASSWORD: 'wrong' };
    expect(await kindOfRejection(send(box.port, `ca=${ca}`, environment))).toBe('denied');
  });

  it('half of who we are is refused', async () => {
    expect(await kindOfRejection(send(1, '', { MAIL_USERNAME: 'me' }))).toBe('denied');
  });
});
