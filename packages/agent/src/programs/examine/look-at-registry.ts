import { connect } from '@deploy-tools/shared/client/connect.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { readWanted } from '../../follow/registry-upstream.js';
import { type AccessFlags, registryAccess } from '../daemon/registry-access.js';

/** Runs an action with a connection of its own. @throws DeployError auth, connect. */
export async function withRegistry<T>(
  flags: AccessFlags,
  act: (connection: Connection) => Promise<T>,
  signal: AbortSignal = new AbortController().signal,
): Promise<T> {
  const connection = await connect(await registryAccess(flags, signal));
  try {
    return await act(connection);
  } finally {
    connection.close();
  }
}

/** @throws DeployError not-found when there is no such configuration. */
export async function wantedBy(connection: Connection, name: string): Promise<AgentConfig> {
  return await (await openWanted(connection))(name);
}

/** Opens a session that reads wanted configurations. @returns a function that throws DeployError not-found for an unknown one. */
export async function openWanted(connection: Connection): Promise<(name: string) => Promise<AgentConfig>> {
  const session = await SftpClient.start(await connection.openSubsystem('sftp'));
  return async (name) => await readWanted(session, name);
}
