import type { Logger } from '@deploy-tools/shared/log.js';
import type { Dispatcher } from '../commands/dispatch.js';
import type { Clock } from '../core/clock.js';
import type { Fleet } from '../core/fleet/fleet.js';
import type { Speaker } from '../core/fleet/presence.js';
import type { ReportPorts } from '../core/fleet/report-session.js';
import type { Principal } from '../core/principal.js';
import type { Registry } from '../core/registry.js';
import type { Watches } from '../core/watch.js';
import type { AgentTreePorts } from '../sftp/agent-tree.js';
import type { OperatorTreePorts } from '../sftp/operator-tree.js';
import type { Outbound } from '../sftp/outbound.js';
import type { Handles } from '../sftp/request-handler.js';
import type { TransferMemory } from '../sftp/transfer-memory.js';
import type { Activity } from './activity.js';
import type { SessionPlace } from './session-place.js';

/** The services for the sessions of all connections, one member per kind of session. */
export interface SessionServices {
  /** Exec and the console of operators. */
  readonly dispatcher: Dispatcher;
  /** Tab completion and the history of the console. */
  readonly console: ConsolePorts;
  readonly operatorTree: OperatorTreePorts;
  readonly agentTree: AgentTreePorts;
  /** Exec `watch` and `report` of agents. */
  readonly watches: Watches;
  readonly reports: ReportPorts;
}

/** The services for connections. */
export interface ConnectionServices extends SessionServices {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ConsolePorts {
  readonly meta: Registry['meta'];
  readonly fleet: Pick<Fleet, 'hostNames'>;
}

/** The parts of a connection that its sessions use. */
export interface SessionContext {
  readonly principal: Principal;
  readonly log: Logger;
  readonly activity: Activity;
  readonly outbound: Outbound;
  readonly memory: TransferMemory;
  /** The handles that the peer's key may open over SFTP. */
  readonly handles: Handles;
  /** The peer's rights to report, when it is an agent. */
  readonly speaker: Speaker;
  readonly place: SessionPlace;
}
