import type { AgentLine, Release, StateReport } from './report.js';

/** One line of JSON with its newline; documented in docs/release-life.md. */
export function encodeAgentLine(line: AgentLine): string {
  return `${JSON.stringify(agentLineJson(line))}\n`;
}

function agentLineJson(line: AgentLine): object {
  switch (line.type) {
    case 'hello': {
      const { host, agent, labels, configs, features } = line.hello;
      return {
        Type: 'hello',
        Host: host,
        Agent: agent,
        Labels: labels,
        Configs: configs,
        Features: features,
      };
    }
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
