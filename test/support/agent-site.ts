import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binPath, type RunningProgram, startProgram } from './program.js';
import { type RunOptions, type RunResult, run } from './run.js';
import type { Scope } from './scope.js';
import { tempDir } from './temp-dir.js';
import type { World } from './world.js';

/** One call of a deploy script, as it saw things. */
export interface ScriptCall {
  readonly env: Readonly<Record<string, string>>;
  /** Content of STATEFILE. */
  readonly state: string;
}

/** A host on which an agent runs. */
export interface AgentSite {
  /** Holds everything below; the agent's working directory. */
  readonly root: string;
  /** The agent's -dir; not made yet. */
  readonly dir: string;
  readonly state: string;
  readonly script: string;
  /** Replaces what the script does after it has recorded its call; a program for /bin/sh. */
  scriptDoes(body: string): void;
  /** The calls of the script so far, oldest first. */
  calls(): ScriptCall[];
}

/** A host with a script that records each call. @param body what it does then. */
export function makeAgentSite(scope: Scope, body = ''): AgentSite {
  const root = tempDir(scope);
  const records = join(root, 'calls');
  mkdirSync(records);
  const site: AgentSite = {
    root,
    dir: join(root, 'agent'),
    state: join(root, 'state.json'),
    script: join(root, 'deploy.sh'),
    scriptDoes: (does) => writeFileSync(site.script, recordingScript(records, does), { mode: 0o755 }),
    calls: () => readCalls(records),
  };
  site.scriptDoes(body);
  return site;
}

/** A record gets its name when it is complete. */
function recordingScript(records: string, body: string): string {
  return `#!/bin/sh
n=$(ls '${records}' | wc -l); new='${records}'/../call.new; rm -rf "$new"; mkdir "$new"
cat /proc/$$/environ > "$new/env"; cat "$STATEFILE" > "$new/state"
mv "$new" "$(printf '%s/%04d' '${records}' "$n")"
${body}
`;
}

function readCalls(records: string): ScriptCall[] {
  return readdirSync(records)
    .sort()
    .map((name) => {
      const words = readFileSync(join(records, name, 'env'), 'utf8')
        .split('\0')
        .slice(0, -1);
      const env = Object.fromEntries(words.map((word) => word.split(/=(.*)/s).slice(0, 2)));
      return { env, state: readFileSync(join(records, name, 'state'), 'utf8') };
    });
}

/** The arguments of an agent on this site that follows a configuration; later ones win. */
export function agentArgs(
  world: World,
  site: AgentSite,
  name: string,
  flags: readonly string[] = [],
): string[] {
  const { registry } = world;
  const where = ['-addr', `${registry.host}:${registry.port}`, '-fp', registry.fingerprint];
  const files = ['-key', registry.site.agent.path, '-dir', site.dir, '-state', site.state];
  return [...where, ...files, '-script', site.script, '-name', name, ...flags];
}

/** Starts an agent that looks ten times a second, unless flags say otherwise. */
export function startAgent(
  scope: Scope,
  world: World,
  site: AgentSite,
  name: string,
  flags: readonly string[] = [],
): RunningProgram {
  const args = agentArgs(world, site, name, ['-poll', '100ms', '-v', ...flags]);
  return startProgram(scope, 'deploy-agent', args);
}

/** `deploy-agent -once`. */
export function agentOnce(
  world: World,
  site: AgentSite,
  name: string,
  flags: readonly string[] = [],
  options: RunOptions = {},
): Promise<RunResult> {
  const args = agentArgs(world, site, name, ['-once', ...flags]);
  return run(binPath('deploy-agent'), args, { cwd: site.root, ...options });
}

/** SIGTERM, and waits for the end. @returns the exit status. */
export function stopAgent(agent: RunningProgram): Promise<number | NodeJS.Signals> {
  agent.child.kill('SIGTERM');
  return agent.ended;
}

/** The hash in the state file; undefined while there is none. */
export function deployedHash(site: AgentSite): string | undefined {
  if (!existsSync(site.state)) return undefined;
  return (JSON.parse(readFileSync(site.state, 'utf8')) as { Hash: string }).Hash;
}
