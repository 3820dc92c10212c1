import { type AgentConfig, decodeConfigJson, encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { DeployError, isDeployError, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';

/** A registry's configuration has at most a quarter of this size. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Thrown for a state file whose content is malformed. */
export class DamagedState extends DeployError {
  constructor(path: string, cause: unknown) {
    super('corrupt', `the state file ${path} is damaged: ${toDeployError(cause).message}`, {
      hint: 'correct it, or remove it to deploy as on a new host',
      cause,
    });
  }
}

/**
 * Reads the last good configuration, in the form of the Go agent: either agent can take over from the other.
 * @returns undefined before the first deployment.
 * @throws DamagedState: a deployment without knowing what runs could run two releases at once.
 */
export function readState(path: string): AgentConfig | undefined {
  const text = readText(path);
  try {
    return text === undefined ? undefined : decodeConfigJson(text);
  } catch (error) {
    throw new DamagedState(path, error);
  }
}

function readText(path: string): string | undefined {
  try {
    return readRegularFile(path, MAX_BYTES).toString('utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (!isDeployError(error)) throw toDeployError(error);
    throw new DeployError(error.kind, `the state file ${error.message}`, {
      hint: 'check -state',
      cause: error,
    });
  }
}

/** {@link readState} for reports: undefined for a damaged file, with which the next deployment fails. */
export function readWholeState(path: string): AgentConfig | undefined {
  try {
    return readState(path);
  } catch (error) {
    if (error instanceof DamagedState) return undefined;
    throw error;
  }
}

/** Writes atomically: a crash leaves the old state or the new. An unchanged state is not written: a full disk would refuse it. */
export function writeState(path: string, config: AgentConfig): void {
  const text = encodeConfigJson(config);
  if (readOrNothing(path) !== text) writeFileAtomic(path, text);
}

function readOrNothing(path: string): string | undefined {
  try {
    return readText(path);
  } catch {
    return undefined; // For any reason: then the state is written.
  }
}
