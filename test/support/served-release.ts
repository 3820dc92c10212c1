import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentSite, agentArgs } from './agent-site.js';
import type { Archive } from './archive.js';
import { type RunningProgram, startProgram } from './program.js';
import type { Scope } from './scope.js';
import { packTree } from './tree.js';
import type { World } from './world.js';

const SERVER = join(import.meta.dirname, '../../packages/agent/test/process/supervise/http-server.mjs');

/**
 * A release with the server of the supervisor's tests, which answers with this version.
 * @param how `dying` soon after its start; `broken`: every answer is an error; `marked`: it has a file `bad`, for checks.
 */
export function servedRelease(
  { scope, world }: { readonly scope: Scope; readonly world: World },
  version: string,
  how?: 'dying' | 'broken' | 'marked',
): Promise<Archive> {
  const server = readFileSync(SERVER, 'utf8')
    .replace("VERSION = '?'", `VERSION = '${version}'`)
    .replace("STATUS = '200'", `STATUS = '${how === 'broken' ? 500 : 200}'`);
  const death = how === 'dying' ? 'setTimeout(() => process.exit(3), 1300);\n' : '';
  const mark = how === 'marked' ? { bad: '' } : {};
  return packTree(scope, world.root, `${version}-${Math.random()}`, {
    'server.mjs': server + death,
    ...mark,
  });
}

export interface ServingHost {
  readonly world: World;
  readonly site: AgentSite;
}

/** The arguments of an agent that supervises that server. */
export function servingArgs(
  { world, site }: ServingHost,
  name: string,
  flags: readonly string[] = [],
): string[] {
  const quick = ['-poll', '100ms', '-v', '-script', '', '-min-healthy', '500ms'];
  if (!flags.includes('-port')) quick.push('-port', '127.0.0.1:0');
  return [...agentArgs(world, site, name, [...quick, ...flags]), '--', process.execPath, 'server.mjs'];
}

export interface Serving {
  readonly agent: RunningProgram;
  readonly port: number;
}

/** Such an agent, once it has its port. */
export async function serve(
  host: ServingHost & { readonly scope: Scope },
  name: string,
  flags: readonly string[] = [],
): Promise<Serving> {
  const agent = startProgram(host.scope, 'deploy-agent', servingArgs(host, name, flags));
  const { ports } = await agent.log.line('listening for the program');
  return { agent, port: Number(String((ports as string[])[0]).split(':')[1]) };
}
