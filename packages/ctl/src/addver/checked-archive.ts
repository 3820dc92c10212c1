import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { readArchive } from '@deploy-tools/shared/archive/read-archive.js';
import { SIZELESS_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** Refuses only archives that no registry accepts: the registry itself knows its bounds and permitted entries. */
const ANY_SOUND_ARCHIVE: UnpackPolicy = {
  ...SIZELESS_UNPACK_POLICY,
  allow: { outsideLinks: true, devices: true, fifos: true, setid: true },
};

const IGNORE_ENTRIES = { entry: () => {}, data: () => {}, entryEnd: () => {} };

/**
 * Passes an archive's bytes on and checks them at the same time. A damaged or unsafe archive is refused before its last byte is
 * sent.
 * @throws DeployError invalid, corrupt, unsafe; whatever the source throws.
 */
export async function* checkedArchive(
  label: string,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const copy = new PassThrough();
  let failure: DeployError | undefined;
  const checking = readArchive(copy, new EntryPolicy(ANY_SOUND_ARCHIVE), IGNORE_ENTRIES).catch(
    (error: unknown) => {
      failure = refused(label, toDeployError(error));
    },
  );
  try {
    for await (const chunk of source) {
      if (failure !== undefined) throw failure;
      if (!copy.write(chunk)) await Promise.race([once(copy, 'drain'), checking]);
      yield chunk;
    }
    copy.end();
    await checking;
    if (failure !== undefined) throw failure;
  } finally {
    copy.destroy();
  }
}

function refused(label: string, error: DeployError): DeployError {
  return new DeployError(error.kind, `${label}: ${error.message}`, {
    hint: error.hint ?? 'nothing was added; make the archive again',
    cause: error,
  });
}
