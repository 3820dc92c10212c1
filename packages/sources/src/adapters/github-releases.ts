import { checkJson } from '@deploy-tools/shared/json/decode-json.js';
import { lenient } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import type { Artifact, SourceRelease } from '../source.js';

export const wordSchema = z.string().check(z.minLength(1));

const assetSchema = z.object({
  id: z.int(),
  name: wordSchema,
  size: lenient(z.int()),
  digest: lenient(z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/))),
});

/** Without assets that are still being uploaded, which lack fields. */
const uploadedSchema = z.pipe(
  z.array(z.looseObject({ state: z.optional(z.unknown()) })),
  z.transform((assets) => assets.filter(({ state }) => state === undefined || state === 'uploaded')),
);

const releaseSchema = z.object({
  tag_name: wordSchema,
  prerelease: z.optional(z.unknown()),
  published_at: lenient(wordSchema),
  created_at: lenient(wordSchema),
  assets: z.pipe(uploadedSchema, z.array(assetSchema)),
});

/** Without drafts, which lack fields. */
const publishedSchema = z.pipe(
  z.array(z.looseObject({ draft: z.optional(z.unknown()) })),
  z.transform((releases) => releases.filter(({ draft }) => draft !== true)),
);

/** Checks an answer of GitHub's API. @param what its name in messages. @throws DeployError corrupt. */
export function checkGithub<Schema extends z.core.$ZodType>(
  json: unknown,
  schema: Schema,
  what: string,
): z.output<Schema> {
  const hint = 'check GITHUB_API_URL; for GitHub Enterprise it ends in /api/v3';
  return checkJson(json, schema, { what: `GitHub's ${what}`, kind: 'corrupt', hint });
}

/**
 * The releases of one page of GitHub's list, without drafts and without assets that are still being uploaded.
 * @throws DeployError corrupt.
 */
export function githubReleases(page: unknown): SourceRelease[] {
  const schema = z.pipe(publishedSchema, z.array(releaseSchema));
  return checkGithub(page, schema, 'list of releases').map((release) => ({
    tag: release.tag_name,
    prerelease: release.prerelease === true,
    created: release.published_at ?? release.created_at,
    artifacts: release.assets.map(artifactOf),
  }));
}

function artifactOf({ id, name, size, digest }: z.output<typeof assetSchema>): Artifact {
  return { name, id: String(id), size, digest };
}
