import { dirname } from 'node:path';
import { DeployError, describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import { checkJson } from '@deploy-tools/shared/json/decode-json.js';
import { type Fields, hashSchema, wireObject } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { callAgent } from '../../tell/control/call-agent.js';
import type { AccessFlags } from '../daemon/registry-access.js';
import { wantedBy, withRegistry } from '../examine/look-at-registry.js';
import type { Knowledge } from './decide-start.js';

export interface WantedSource {
  /** Whether the registry had enough time to answer, which is less when nothing can answer. */
  readonly hasHadItsTime: (isFinal: boolean) => boolean;
  /** The agent's directory, with its socket. */
  readonly agentDir: string;
  /** The configuration's name; undefined where the agent follows one only. */
  readonly name: string | undefined;
  /** For when no agent runs. */
  readonly access: AccessFlags;
  /** Older answers of the registry do not count. */
  readonly since: Date;
}

/** States in which the agent is busy, and polls only afterwards. */
const ACTING: readonly unknown[] = ['fetching', 'staged', 'activating', 'validating', 'rolling-back'];

/**
 * Asks the agent that runs, and without one the registry.
 * @throws DeployError not-found: the registry has no such configuration; usage: the agent follows several.
 */
export async function askWanted(source: WantedSource, signal: AbortSignal): Promise<Knowledge> {
  const { agentDir, name } = source;
  try {
    return fromAgent(await callAgent(agentDir, { command: 'status', name }), source);
  } catch (error) {
    if (isDeployError(error, 'usage')) throw error;
    if (!isDeployError(error, 'not-found')) return unknown(source, describeError(error));
  }
  if (name !== undefined) return await fromRegistry(source, name, signal);
  return unknown(source, `no agent runs in ${agentDir}, and without -name the registry is not asked`);
}

/** Has the agent, if one runs, poll the registry, so that its answer is fresh. */
export async function nudgeAgent({ agentDir, name }: WantedSource): Promise<void> {
  await callAgent(agentDir, { command: 'check', name }).catch(() => undefined);
}

const wantedSchema = wireObject({ Wanted: wireObject({ Hash: hashSchema }), WantedAt: z.string() });

function fromAgent(answers: readonly Fields[], source: WantedSource): Knowledge {
  const { agentDir, since } = source;
  const [answer, another] = answers;
  if (another !== undefined)
    throw new DeployError('usage', `the agent in ${agentDir} follows several configurations`, {
      hint: 'say which one with -name',
    });
  if (answer?.Wanted === undefined)
    return unknown(source, 'the agent has not heard from the registry since it was started', false);
  const { wanted, wantedAt } = checkJson(answer, wantedSchema, {
    what: "the agent's answer",
    kind: 'invalid',
  });
  const { hash } = wanted;
  if (Date.parse(wantedAt) >= since.getTime() || ACTING.includes(answer.State))
    return { kind: 'wanted', hash };
  return unknown(source, 'the registry does not answer the agent', false);
}

async function fromRegistry(source: WantedSource, name: string, signal: AbortSignal): Promise<Knowledge> {
  try {
    const { hash } = await withRegistry(source.access, (connection) => wantedBy(connection, name), signal);
    return { kind: 'wanted', hash };
  } catch (error) {
    if (isDeployError(error, 'not-found') || isDeployError(error, 'usage')) throw error;
    return unknown(source, signal.aborted ? 'the registry does not answer' : describeError(error));
  }
}

/** @param isFinal whether nothing can answer; else an answer may only be late. */
function unknown({ hasHadItsTime }: WantedSource, why: string, isFinal = true): Knowledge {
  return { kind: 'unknown', why, isSettled: hasHadItsTime(isFinal) };
}

/** Finds the agent's directory: `dir`, or the one above it, when the agent follows several configurations. */
export function agentDirectoryOf(
  dir: string,
  given: string | undefined,
  hasSocket: (dir: string) => boolean,
): string {
  if (given !== undefined && given !== '') return given;
  return !hasSocket(dir) && hasSocket(dirname(dir)) ? dirname(dir) : dir;
}
