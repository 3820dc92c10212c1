import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from './programs.mjs';
import { measured, wallClock } from './run.mjs';

/**
 * A directory for an agent that follows a configuration, with a deploy script that writes down when it began.
 * @param registry where the agent connects to, but for the port where one is given.
 */
export function makeAgentHome(path, { registry, keys, name, flags = [] }) {
  const stamp = join(path, 'stamp');
  const script = join(path, 'script.sh');
  mkdirSync(path, { recursive: true });
  writeFileSync(
    script,
    `#!/bin/sh\nat=$(date +%s%N)\necho "$at $NEWROOT" > ${stamp}.new && mv ${stamp}.new ${stamp}\n`,
    {
      mode: 0o755,
    },
  );
  const args = (port) => [
    ...['-addr', `127.0.0.1:${port}`, '-fp', registry.fingerprint, '-key', keys.agent, '-name', name],
    ...['-dir', path, '-state', join(path, 'state.json'), '-script', script, ...flags],
  ];
  const lastScript = () => {
    const [at, root] = readFileSync(stamp, 'utf8').trim().split(' ');
    return { at: Number(at) / 1e6, root };
  };
  return {
    stamp,
    args,
    /** When the last script began, in milliseconds since 1970, and its NEWROOT. */
    lastScript,
    /** One agent to its end. @returns milliseconds from its start to the script's, and its peak memory in bytes. */
    deploy: async (port = registry.port) => {
      rmSync(stamp, { force: true });
      const begun = wallClock();
      const { peakBytes } = await measured(program('deploy-agent'), [...args(port), '-once']);
      return { ms: lastScript().at - begun, peakBytes };
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
