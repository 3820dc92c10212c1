import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startProgram, stop } from './run.mjs';

const PYTHON = '/usr/bin/python3';
const SWIFT = fileURLToPath(new URL('../../support/swift-server.py', import.meta.url));
const KEYS = { accessKeyId: 'test:tester', secretAccessKey: 'testing' };

/** Debian's OpenStack Swift as an S3 server, in the system's temporary directory: it needs extended attributes. */
export async function startS3() {
  if (spawnSync(PYTHON, ['-c', 'import swift.common.middleware.s3api']).status !== 0) return undefined;
  const dir = mkdtempSync(join(tmpdir(), 'deploy-bench-s3-'));
  const child = startProgram(PYTHON, [SWIFT, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const remove = () => rmSync(dir, { recursive: true, force: true });
  process.once('exit', remove);
  const port = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('Swift ended')));
    createInterface({ input: child.stdout }).once('line', (line) => resolve(line.split(' ')[1]));
  });
  const endpoint = `http://127.0.0.1:${port}`;
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const client = new S3Client({
    ...{ endpoint, credentials: KEYS, region: 'us-east-1', forcePathStyle: true },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  const { token, storage } = await swiftAccess(endpoint);
  await client.send(new CreateBucketCommand({ Bucket: 'releases' }));
  return {
    environment: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
      AWS_REGION: 'us-east-1',
    },
    /** Words of curl that fetch an object: past the S3 API, for what curl 7.88 signs is not what Swift verifies. */
    curl: (key) => ['curl', '-sSf', '-H', `x-auth-token: ${token}`, `${storage}/releases/${key}`],
    put: (key, body) => client.send(new PutObjectCommand({ Bucket: 'releases', Key: key, Body: body })),
    stop: async () => {
      client.destroy();
      await stop(child);
      remove();
      process.off('exit', remove);
    },
  };
}

/** The way in by Swift's own API: a token, and the URL that buckets are below. */
async function swiftAccess(endpoint) {
  const headers = { 'x-auth-user': KEYS.accessKeyId, 'x-auth-key': KEYS.secretAccessKey };
  const answer = await fetch(`${endpoint}/auth/v1.0`, { headers });
  return { token: answer.headers.get('x-auth-token'), storage: answer.headers.get('x-storage-url') };
}
