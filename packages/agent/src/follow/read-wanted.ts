import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { type AgentConfig, decodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';

/** A configuration of the most layers, with the longest names, is well below this. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * What the registry wants to run here.
 * @throws DeployError not-found when there is no such configuration; corrupt; connect.
 */
export async function readWanted(sftp: SftpClient, name: string): Promise<AgentConfig> {
  try {
    const json = await sftp.readFile(`configs/${name}.json`, MAX_CONFIG_BYTES);
    return decodeConfigJson(json.toString('utf8'));
  } catch (error) {
    if (!isDeployError(error, 'not-found')) throw error;
    throw new DeployError('not-found', `the registry has no configuration "${name}"`, {
      hint: 'check -name, or add it with addconf',
      cause: error,
    });
  }
}
