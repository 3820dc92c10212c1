import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.js';

/** Removes all manifests and packs that the registry has made so far: agents then fetch whole archives. */
export function loseManifests(world: World): void {
  for (const kind of ['manifests', 'packs']) {
    const dir = join(world.registry.site.dir, kind);
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
  }
}
