import { createReadStream, fstatSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DeployError, rewordError } from '@deploy-tools/shared/errors.js';
import { openRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { ObjectContext, OpenedObject, OpenFrom } from '../opened-object.js';
import { objectBody } from './object-body.js';

const PIECE_BYTES = 256 * 1024;

/** Opens `file:///path`, a regular file. @see OpenUrl */
export function openFile(
  url: URL,
  from: OpenFrom,
  signal: AbortSignal,
  context: ObjectContext,
): OpenedObject {
  const path = pathOf(url);
  return openFileBy(() => openRegularFile(path), path, { from, signal, context });
}

/** Opens a file as `openFile` does. @param open gives its descriptor. @param path for messages. */
export function openFileBy(
  open: () => number,
  path: string,
  { from, signal, context }: { from: OpenFrom; signal: AbortSignal; context: ObjectContext },
): OpenedObject {
  try {
    const fd = open();
    const { size, mtimeNs, ino } = fstatSync(fd, { bigint: true });
    const validator = `${size}-${mtimeNs}-${ino}`;
    const isSame = from.validator === undefined || from.validator === validator;
    const offset = isSame && from.offset <= Number(size) ? from.offset : 0;
    const stream = createReadStream('', { fd, start: offset, highWaterMark: PIECE_BYTES });
    const bytes = Number(size) - offset;
    const body = objectBody(stream, { label: path, idleMs: context.idleTimeoutMs, bytes, signal });
    return { size: Number(size), validator, offset, body };
  } catch (error) {
    throw rewordError(error, (message) => `cannot read ${path}: ${message}`);
  }
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new DeployError('invalid', `${url.href} is no file on this host`, {
      hint: 'write it as file:///path',
      cause: error,
    });
  }
}
