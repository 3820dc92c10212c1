import { createHash } from 'node:crypto';
import { program, sshOptions } from './programs.mjs';
import { measured, output } from './run.mjs';

/** What an operator does with a registry, by stock ssh and by deployctl. */
export function operatorOf(registry, keys) {
  const target = ['-p', String(registry.port), 'bench@127.0.0.1'];
  const flags = ['-addr', registry.address, '-fp', registry.fingerprint, '-key', keys.operator];
  return {
    ssh: (...words) => output('ssh', [...sshOptions(keys.operator), ...target, ...words]),
    deployctl: (...words) => output(program('deployctl'), [...flags, ...words]),
    /** @returns milliseconds and the peak memory of deployctl in bytes. */
    addver: (version, archive) => measured(program('deployctl'), [...flags, 'addver', version, archive.path]),
  };
}

/** Versions v1 and v2 of component `code`, and a configuration that uses v1. */
export async function addReleases(operator, releases, name) {
  await operator.addver('code:v1', releases.old.archive);
  await operator.addver('code:v2', releases.fresh.archive);
  operator.ssh('addconf', name, 'code:v1');
}

/** The configuration hash of these archives. */
export function configurationHash(...archives) {
  const hash = createHash('sha256');
  for (const archive of archives) hash.update(`${archive.hash}\n`);
  return hash.digest('hex');
}
