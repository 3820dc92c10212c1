import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PATIENCE_MS } from './patience.js';
import { PYTHON } from './requires.js';
import type { Scope } from './scope.js';
import { tempDir } from './temp-dir.js';

/** A real S3 server: Debian's OpenStack Swift. */
export interface S3Server {
  /** `http://127.0.0.1:PORT`. */
  readonly endpoint: string;
  /** What programs need in their environment to use it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly client: S3Client;
  /** Puts an object, in a bucket that is made when it is not there. */
  put(bucket: string, key: string, content: string | Uint8Array): Promise<void>;
}

/** What `describeWithPython` needs to know, in front of the title. */
export const SWIFT = ['swift.common.middleware.s3api', 'python3-swift'] as const;

/** Starts one with nothing in it; ended and removed at the end of the scope. */
export async function startS3Server(scope: Scope): Promise<S3Server> {
  const dir = tempDir(scope);
  const child = spawn(PYTHON, [join(import.meta.dirname, 'swift-server.py'), dir], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  scope.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const port = await new Promise<string>((resolve, reject) => {
    const output = { stdout: '', stderr: '' };
    const fail = (why: string): void => reject(new Error(`Swift ${why}\n${output.stderr}`));
    const timer = setTimeout(() => fail(`is not ready after ${PATIENCE_MS} ms`), PATIENCE_MS);
    child.once('error', reject).once('close', () => fail('ended'));
    child.stderr.on('data', (data: Buffer) => {
      output.stderr += data.toString();
    });
    child.stdout.on('data', (data: Buffer) => {
      output.stdout += data.toString();
      const ready = /^ready (\d+)$/m.exec(output.stdout);
      if (ready === null) return;
      clearTimeout(timer);
      resolve(ready[1] ?? '');
    });
  });
  return openServer(scope, `http://127.0.0.1:${port}`);
}

function openServer(scope: Scope, endpoint: string): S3Server {
  const credentials = { accessKeyId: 'test:tester', secretAccessKey: 'testing' };
  const environment = {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const client = new S3Client({
    ...{ endpoint, credentials, region: 'us-east-1', forcePathStyle: true },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  scope.defer(() => client.destroy());
  const made = new Map<string, Promise<unknown>>();
  const put = async (Bucket: string, Key: string, Body: string | Uint8Array): Promise<void> => {
    const bucket = made.get(Bucket) ?? client.send(new CreateBucketCommand({ Bucket }));
    made.set(Bucket, bucket);
    await bucket;
    await client.send(new PutObjectCommand({ Bucket, Key, Body }));
  };
  return { endpoint, environment, client, put };
}
