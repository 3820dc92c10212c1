import * as z from 'zod/mini';
import { checkJson } from '../json/decode-json.js';
import { type LineOf, lineDecoder, noKeysSchema, withWireKeys } from '../json/json-schemas.js';
import { type PauseNote, pauseSchema } from './pause-note.js';
import { helloSchema, type Release, type StateReport, stateSchema } from './report.js';

const SCHEMAS = {
  hello: z.pipe(
    helloSchema,
    z.transform((hello) => ({ hello })),
  ),
  state: z.pipe(
    stateSchema,
    z.transform((report) => ({ report })),
  ),
  heartbeat: noKeysSchema,
};

/** A line of an agent. */
export type AgentLine = LineOf<'type', typeof SCHEMAS>;

/** Reads one line of an agent; unknown keys are left out. @throws DeployError invalid, naming the field. */
export const decodeAgentLine = lineDecoder({
  tag: ['Type', 'type'],
  schemas: SCHEMAS,
  subject: { what: "the agent's line", kind: 'invalid' },
});

/** Reads the `Pause` of an agent's report. @throws DeployError invalid. */
export function decodePause(json: unknown): PauseNote {
  return checkJson(json, pauseSchema, { what: 'the pause', kind: 'invalid' });
}

/** One line of JSON with its newline; documented in docs/release-life.md. */
export function encodeAgentLine(line: AgentLine): string {
  return `${JSON.stringify(agentLineJson(line))}\n`;
}

function agentLineJson(line: AgentLine): object {
  switch (line.type) {
    case 'hello':
      return { Type: 'hello', ...withWireKeys(line.hello) };
    case 'state':
      return { Type: 'state', ...stateReportJson(line.report) };
    case 'heartbeat':
      return { Type: 'heartbeat' };
  }
}

/** A report as the object of its line; keys that are undefined are left out when it is written. */
export function stateReportJson(report: StateReport): object {
  return {
    Config: report.config,
    State: report.state,
    Reason: report.reason,
    Revision: report.revision,
    Hash: report.hash,
    Attempt: report.attempt,
    Running: releaseJson(report.running),
    LastGood: releaseJson(report.lastGood),
    Deploy: report.deploy,
    Since: report.since,
    Progress: report.progress && { Done: report.progress.done, Total: report.progress.total },
    Error: report.error && { Kind: report.error.kind, Message: report.error.message },
    Log: report.log,
    Timings: report.timings,
    Bytes: report.bytes && { Fetched: report.bytes.fetched, Reused: report.bytes.reused },
    Pause: report.pause && { By: report.pause.by, Since: report.pause.since, Reason: report.pause.reason },
    NotBefore: report.notBefore,
    Again: report.again,
  };
}

function releaseJson(release: Release | undefined): object | undefined {
  return release && { Revision: release.revision, Hash: release.hash };
}
