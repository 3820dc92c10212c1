import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Archive, makeBlob, makeTar } from './archive.js';
import type { World } from './world.js';

/** A new file of random bytes. */
export function randomBlob(world: World, size: number): Archive {
  return makeBlob(join(world.root, randomBytes(6).toString('hex')), randomBytes(size));
}

/** A new archive of that many random bytes, and what tar adds. */
export function randomArchive(world: World, size: number): Archive {
  return makeTar(join(world.root, randomBytes(6).toString('hex')), randomBytes(size));
}

/** Files of uploads in the registry's directory. */
export function storedUploads(world: World): string[] {
  return readdirSync(join(world.registry.site.dir, 'uploads')).sort();
}

/** Those of uploads that are not closed yet. */
export function partialUploads(world: World): string[] {
  return storedUploads(world).filter((name) => name.endsWith('.part'));
}

/** The hashes that the operator sees. @throws when they cannot be listed. */
export async function listUploads(world: World): Promise<string[]> {
  const answer = await world.operator.sftp('ls -1\n');
  if (answer.status !== 0) throw new Error(answer.stderr);
  return answer.stdout.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line));
}
