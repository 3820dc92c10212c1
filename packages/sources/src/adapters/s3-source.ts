import { ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { s3Client, s3Error, withinTime } from '../objects/s3-client.js';
import { s3Objects } from '../objects/s3-object.js';
import type { ObjectContext } from '../opened-object.js';
import type { Listing, ShippedReport, Source } from '../source.js';
import type { SourcePlace } from '../source-place.js';
import { BucketListing, keyPrefix } from './bucket-releases.js';
import { shippingObject } from './shipping-record.js';

type S3Place = SourcePlace & { readonly scheme: 's3' };

/** A bucket of releases, `<prefix>/<version>/<artifact>`: a request for each thousand objects. */
export function openS3Source(label: string, place: S3Place, context: ObjectContext): Source {
  const { endpoint, region } = place;
  const client = s3Client({ endpoint, region }, context.environment);
  const open = s3Objects(context);
  return {
    label,
    kind: 'files',
    list: (known, signal) => list({ label, place, client, context }, known, signal),
    open: (artifact, from, signal) => open(objectUrl(place, artifact.id), from, signal),
    report: (shipped, signal) => report({ label, place, client, context }, shipped, signal),
  };
}

interface Bucket {
  readonly label: string;
  readonly place: S3Place;
  readonly client: S3Client;
  readonly context: ObjectContext;
}

async function list(
  { label, place, client, context }: Bucket,
  known: Listing | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  const listing = new BucketListing(label, place.prefix);
  let from: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: place.bucket,
      Prefix: keyPrefix(place.prefix),
      ...(from === undefined ? {} : { ContinuationToken: from }),
    });
    const page = await withinTime(label, context.headerTimeoutMs, signal, (abortSignal) =>
      client.send(command, { abortSignal }),
    ).catch((error: unknown) => Promise.reject(s3Error(label, error)));
    listing.add(
      (page.Contents ?? []).map(({ Key = '', Size, LastModified }) => ({
        ...{ key: Key, size: Size, changed: LastModified?.toISOString() },
      })),
    );
    from = page.NextContinuationToken;
    if (page.IsTruncated === true && from === undefined)
      throw new DeployError('corrupt', `${label} has more objects, but gives no token for them`);
  } while (from !== undefined);
  return listing.releases(known);
}

/** Records a successful deployment as dewy does: as an empty object whose name is the record. */
async function report(bucket: Bucket, shipped: ShippedReport, signal: AbortSignal): Promise<void> {
  if (shipped.error !== undefined) return;
  const { label, place, client, context } = bucket;
  const command = new PutObjectCommand({
    Bucket: place.bucket,
    Key: `${keyPrefix(place.prefix)}${shipped.tag}/${shippingObject(shipped)}`,
    Body: '',
    ContentType: 'text/plain',
  });
  await withinTime(label, context.headerTimeoutMs, signal, (abortSignal) =>
    client.send(command, { abortSignal }),
  ).catch((error: unknown) => Promise.reject(s3Error(label, error)));
}

function objectUrl({ bucket, region, endpoint }: S3Place, key: string): URL {
  const url = new URL(`s3://${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`);
  url.searchParams.set('region', region);
  if (endpoint !== undefined) url.searchParams.set('endpoint', endpoint);
  return url;
}
