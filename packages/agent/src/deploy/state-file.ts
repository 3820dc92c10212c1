import { type AgentConfig, decodeConfigJson, encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { DeployError, isDeployError, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';

/** A registry's configuration is a quarter of that at most. */
const MAX_BYTES = 16 * 1024 * 1024;

/** There is a state file, and its content cannot be read. */
export class DamagedState extends DeployError {
  constructor(path: string, cause: unknown) {
    super('corrupt', `the state file ${path} is damaged: ${toDeployError(cause).message}`, {
      hint: 'correct it, or remove it to deploy as on a new host',
      cause,
    });
  }
}

/**
 * The configuration that runs here, in the form that the Go agent writes and reads: either can take over from the other.
 * @returns undefined when nothing was deployed yet.
 * @throws DamagedState: to deploy over it could run two releases at once.
 */
export function readState(path: string): AgentConfig | undefined {
  let text: string;
  try {
    text = readRegularFile(path, MAX_BYTES).toString('utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (isDeployError(error)) {
      throw new DeployError(error.kind, `the state file ${error.message}`, {
        hint: 'check -state',
        cause: error,
      });
    }
    throw toDeployError(error);
  }
  try {
    return decodeConfigJson(text);
  } catch (error) {
    throw new DamagedState(path, error);
  }
}

/** Like {@link readState}, for reports: undefined where the file is damaged, which the next deployment fails for. */
export function readWholeState(path: string): AgentConfig | undefined {
  try {
    return readState(path);
  } catch (error) {
    if (error instanceof DamagedState) return undefined;
    throw error;
  }
}

/** Writes atomically: a crash leaves the old state or the new. An unchanged state is not written, which a full disk would refuse. */
export function writeState(path: string, config: AgentConfig): void {
  const text = encodeConfigJson(config);
  if (textOf(path) !== text) writeFileAtomic(path, text);
}

function textOf(path: string): string | undefined {
  try {
    return readRegularFile(path, MAX_BYTES).toString('utf8');
  } catch {
    return undefined; // Whatever the reason is, the state is written then.
  }
}
