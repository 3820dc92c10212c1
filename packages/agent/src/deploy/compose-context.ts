import { ReleasePlace } from '../place/release-place.js';
import type { AgentContext, ContextParts, LoopParts } from './agent-context.js';
import { LocalHost } from './local-host.js';

/** Makes the context of a configuration on this host. */
export function agentContext(parts: ContextParts, loop: LoopParts): AgentContext {
  const { paths, threads, log, facts, clock } = parts;
  const { settings, signal } = loop;
  const place = new ReleasePlace({
    ...settings,
    ...parts,
    onNote: (line) => facts.log.push(line),
    onWait: (what) => facts.waitsFor(what),
  });
  return {
    ...parts,
    ...loop,
    releases: { paths, settings, threads, log, progress: facts, clock, signal },
    place,
    host: new LocalHost({ ...parts, ...loop }),
  };
}
