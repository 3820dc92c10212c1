import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { type Attrs, OPEN_FLAG } from '@deploy-tools/shared/sftp/protocol.js';
import type { Principal } from '../core/principal.js';
import type { Registry } from '../core/registry.js';
import { beginUpload, type OperatorUpload } from '../core/uploads.js';
import type { AuditRecord, Upload } from '../meta/meta-store.js';
import { directoryAttrs, fileAttrs } from './listing.js';
import type { ListedFile, SftpFile, SftpFiles, TransferCounter } from './sftp-files.js';

/** A name that was opened for writing in this session; it may be renamed before the upload is stored. */
interface Written {
  attrs: Attrs;
}

/**
 * What operators see: a directory of their own pending uploads by hash, into which anything can be written under any
 * name. The name means nothing to us, but several clients look at what they wrote: within one session an uploaded
 * name can be stat'ed, have attributes set and be renamed, without effect.
 */
export function operatorFiles(
  registry: Registry,
  principal: Principal,
  log: Logger,
  transfers: TransferCounter,
): SftpFiles {
  const written = new Map<string, Written>();
  const findAttrs = async (path: string): Promise<Attrs> => {
    if (path === '/') return directoryAttrs(0o755, Math.floor(registry.clock().getTime() / 1000));
    const attrs = written.get(path)?.attrs ?? (await uploadAttrs(registry, principal, path));
    if (attrs === undefined) throw new DeployError('not-found', `no such file: ${path}`);
    return attrs;
  };
  return {
    open: async (path, flags) => {
      if (path === '/') throw new DeployError('invalid', '/ is a directory');
      if ((flags & OPEN_FLAG.WRITE) === 0) throw new DeployError('denied', 'operators may only upload');
      if (flags & OPEN_FLAG.APPEND) throw new DeployError('unsupported', 'an upload starts at its beginning');
      const upload = await beginUpload(registry, principal.fingerprint);
      const entry = { attrs: fileAttrs(0o644, 0, Math.floor(registry.clock().getTime() / 1000)) };
      written.set(path, entry);
      return uploadFile(registry, principal, log, transfers.begin(), upload, (stored) => {
        entry.attrs = attrsOf(stored);
      });
    },
    stat: findAttrs,
    list: async (path) => {
      if (path !== '/') throw new DeployError('not-found', `no such directory: ${path}`);
      return listUploads(registry, principal);
    },
    setStat: async (path) => {
      await findAttrs(path);
    },
    rename: async (from, to) => {
      const entry = written.get(from);
      if (entry === undefined) throw new DeployError('denied', 'operators may only upload');
      written.delete(from);
      written.set(to, entry);
    },
  };
}

function uploadFile(
  registry: Registry,
  principal: Principal,
  log: Logger,
  transferEnded: () => void,
  upload: OperatorUpload,
  onStored: (stored: Upload) => void,
): SftpFile {
  const started = performance.now();
  const elapsed = () => Math.round(performance.now() - started);
  return {
    write: (data, offset) => upload.write(data, offset),
    stat: () => fileAttrs(0o644, upload.size, Math.floor(registry.clock().getTime() / 1000)),
    close: async (gone) => {
      try {
        const stored = await upload.seal(gone);
        onStored(stored);
        log.info({ hash: stored.hash, bytes: stored.size, ms: elapsed() }, 'upload stored');
        await auditUpload(registry, principal, log, { stored, size: stored.size, durationMs: elapsed() });
      } catch (thrown) {
        const error = toDeployError(thrown);
        log.warn({ err: error.message, kind: error.kind, bytes: upload.size }, 'upload failed');
        await auditUpload(registry, principal, log, {
          size: upload.size,
          durationMs: elapsed(),
          error: error.message,
        });
        throw error;
      } finally {
        transferEnded();
      }
    },
    abandon: async () => {
      log.warn({ bytes: upload.size, ms: elapsed() }, 'upload cut off, its bytes are removed');
      await upload.discard();
      transferEnded();
    },
  };
}

interface EndedUpload {
  readonly stored?: Upload;
  readonly size: number;
  readonly durationMs: number;
  readonly error?: string;
}

/** Never throws: whether the upload is stored does not depend on whether that can be written down. */
async function auditUpload(
  registry: Registry,
  principal: Principal,
  log: Logger,
  { stored, size, durationMs, error }: EndedUpload,
): Promise<void> {
  const { fingerprint, comment, user, address } = principal;
  const subjects = stored === undefined ? [] : [stored.hash];
  const record: AuditRecord = {
    time: registry.clock().toISOString(),
    fingerprint,
    comment,
    user,
    address,
    via: 'sftp',
    command: 'upload',
    args: [...subjects, `${size} bytes`],
    subjects,
    changes: true,
    result: error === undefined ? 'ok' : 'failed',
    ...(error === undefined ? {} : { error }),
    durationMs,
  };
  await registry.meta
    .write((tx) => tx.appendAudit(record))
    .catch((failure: unknown) =>
      log.error({ err: describeError(failure) }, 'the audit log cannot be written'),
    );
}

async function uploadAttrs(
  registry: Registry,
  principal: Principal,
  path: string,
): Promise<Attrs | undefined> {
  const uploads = await registry.meta.read((tx) => tx.uploads(principal.fingerprint));
  const found = uploads.find(({ hash }) => path === `/${hash}`);
  return found === undefined ? undefined : attrsOf(found);
}

async function listUploads(registry: Registry, principal: Principal): Promise<ListedFile[]> {
  const uploads = await registry.meta.read((tx) => tx.uploads(principal.fingerprint));
  return uploads.map((upload) => ({ filename: upload.hash, attrs: attrsOf(upload) }));
}

function attrsOf({ size, created }: Upload): Attrs {
  return fileAttrs(0o644, size, Math.floor(Date.parse(created) / 1000));
}
