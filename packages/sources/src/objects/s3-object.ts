import { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ObjectContext, OpenedObject, OpenFrom, OpenKind } from '../opened-object.js';
import { contentRange } from './http-object.js';
import { objectBody } from './object-body.js';
import { s3Client, s3Error, s3StatusOf, withinTime } from './s3-client.js';
import { bucketAndKey, showUrl } from './show-url.js';

/** Opens `s3://bucket/key`, with `?endpoint=` and `?region=` where they are not the environment's. @see OpenUrl */
export function s3Objects(context: ObjectContext): OpenKind {
  const clients = new Map<string, S3Client>();
  const clientOf = ({ searchParams }: URL): S3Client => {
    const place = {
      endpoint: searchParams.get('endpoint') ?? undefined,
      region: searchParams.get('region') ?? undefined,
    };
    const name = JSON.stringify(place);
    const client = clients.get(name) ?? s3Client(place, context.environment);
    clients.set(name, client);
    return client;
  };
  return async (url, from, signal) => {
    const { bucket, key } = bucketAndKey(url);
    const opening = { bucket, key, client: clientOf(url), label: showUrl(url.href), context };
    return await openAt(opening, from, signal);
  };
}

interface Opening {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  readonly label: string;
  readonly context: ObjectContext;
}

async function openAt(opening: Opening, from: OpenFrom, signal: AbortSignal): Promise<OpenedObject> {
  const { label, context } = opening;
  const answer = await get(opening, from, signal).catch((error: unknown) => {
    const isOther = [412, 416].includes(s3StatusOf(error) ?? 0);
    if (from.offset > 0 && isOther) return undefined;
    throw s3Error(label, error);
  });
  if (answer === undefined) return await openAt(opening, { offset: 0 }, signal);
  const { Body: stream, ContentLength: bytes, ContentRange, ETag: validator } = answer;
  if (!(stream instanceof Readable)) throw new DeployError('connect', `${label} came without a body`);
  const range = contentRange(ContentRange);
  return {
    size: range === undefined ? bytes : range.size,
    validator,
    offset: range?.first ?? 0,
    body: objectBody(stream, { label, idleMs: context.idleTimeoutMs, bytes, signal }),
  };
}

async function get(
  { client, bucket, key, label, context }: Opening,
  { offset, validator }: OpenFrom,
  signal: AbortSignal,
): Promise<GetObjectCommandOutput> {
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(offset > 0 ? { Range: `bytes=${offset}-` } : {}),
    ...(offset > 0 && validator !== undefined ? { IfMatch: validator } : {}),
  });
  return await withinTime(label, context.headerTimeoutMs, signal, (abortSignal) =>
    client.send(command, { abortSignal }),
  );
}
