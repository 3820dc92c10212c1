import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { type Attrs, OPEN_FLAG } from '@deploy-tools/shared/sftp/protocol.js';
import type { AuditLog } from '../core/audit-log.js';
import type { Clock } from '../core/clock.js';
import { authorOf, type Principal } from '../core/principal.js';
import type { OperatorUpload, Uploads } from '../core/uploads.js';
import type { MetaStore, Upload } from '../meta/meta-store.js';
import { directoryAttrs, fileAttrs } from './listing.js';
import type { ListedFile, SftpFile, SftpFiles, TransferCounter } from './sftp-files.js';

/** A name written in this session; it may be renamed before the upload is stored. */
interface Written {
  attrs: Attrs;
}

export interface OperatorTreePorts {
  readonly meta: Pick<MetaStore, 'read'>;
  readonly uploads: Uploads;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** One operator's session. */
export interface OperatorView {
  readonly principal: Principal;
  readonly log: Logger;
  readonly transfers: TransferCounter;
}

/**
 * The operators' tree: a directory of their own pending uploads by hash. Files can be written under any name, which the registry
 * ignores. Several clients check what they wrote, so within one session a written name can be stat'ed and renamed, and its
 * attributes set, without effect.
 */
export class OperatorTree implements SftpFiles {
  readonly #ports: OperatorTreePorts;
  readonly #view: OperatorView;
  readonly #written = new Map<string, Written>();

  constructor(ports: OperatorTreePorts, view: OperatorView) {
    this.#ports = ports;
    this.#view = view;
  }

  async open(path: string, flags: number): Promise<SftpFile> {
    if (path === '/') throw new DeployError('invalid', '/ is a directory');
    if ((flags & OPEN_FLAG.WRITE) === 0) throw new DeployError('denied', 'operators may only upload');
    if (flags & OPEN_FLAG.APPEND) throw new DeployError('unsupported', 'an upload cannot append to a file');
    const { uploads, audit, clock } = this.#ports;
    const upload = await uploads.begin(this.#view.principal.fingerprint);
    const entry = { attrs: fileAttrs(0o644, 0, unixSeconds(clock)) };
    this.#written.set(path, entry);
    const transfer = new UploadTransfer(this.#view, audit, upload);
    return {
      write: (data, offset) => upload.write(data, offset),
      stat: () => fileAttrs(0o644, upload.size, unixSeconds(clock)),
      close: async (gone) => {
        entry.attrs = attrsOf(await transfer.seal(gone));
      },
      abandon: () => transfer.abandon(),
    };
  }

  async stat(path: string): Promise<Attrs> {
    if (path === '/') return directoryAttrs(0o755, unixSeconds(this.#ports.clock));
    const attrs = this.#written.get(path)?.attrs ?? (await this.#uploadAttrs(path));
    if (attrs === undefined) throw new DeployError('not-found', `no such file: ${path}`);
    return attrs;
  }

  async list(path: string): Promise<ListedFile[]> {
    if (path !== '/') throw new DeployError('not-found', `no such directory: ${path}`);
    return (await this.#uploads()).map((upload) => ({ filename: upload.hash, attrs: attrsOf(upload) }));
  }

  async setStat(path: string): Promise<void> {
    await this.stat(path);
  }

  async rename(from: string, to: string): Promise<void> {
    const entry = this.#written.get(from);
    if (entry === undefined) throw new DeployError('denied', 'operators may only upload');
    this.#written.delete(from);
    this.#written.set(to, entry);
  }

  async #uploadAttrs(path: string): Promise<Attrs | undefined> {
    const found = (await this.#uploads()).find(({ hash }) => path === `/${hash}`);
    return found === undefined ? undefined : attrsOf(found);
  }

  #uploads(): Promise<readonly Upload[]> {
    const { fingerprint } = this.#view.principal;
    return this.#ports.meta.read((tx) => tx.uploads(fingerprint));
  }
}

/** One upload from open to close; its end is logged and audited. */
class UploadTransfer {
  readonly #view: OperatorView;
  readonly #audit: AuditLog;
  readonly #upload: OperatorUpload;
  readonly #started = performance.now();
  readonly #endTransfer: () => void;

  constructor(view: OperatorView, audit: AuditLog, upload: OperatorUpload) {
    this.#view = view;
    this.#audit = audit;
    this.#upload = upload;
    this.#endTransfer = view.transfers.begin();
  }

  /** Stores the upload. @param gone stops the work when the client has left. @throws DeployError when it is not stored. */
  async seal(gone: AbortSignal): Promise<Upload> {
    const { log } = this.#view;
    try {
      const stored = await this.#upload.seal(gone);
      log.info({ hash: stored.hash, bytes: stored.size, ms: this.#elapsed() }, 'upload stored');
      await this.#record([stored.hash], undefined);
      return stored;
    } catch (thrown) {
      const error = toDeployError(thrown);
      log.warn({ err: error.message, kind: error.kind, bytes: this.#upload.size }, 'upload failed');
      await this.#record([], error.message);
      throw error;
    } finally {
      this.#endTransfer();
    }
  }

  async abandon(): Promise<void> {
    const { log } = this.#view;
    log.warn({ bytes: this.#upload.size, ms: this.#elapsed() }, 'upload interrupted, its bytes are removed');
    await this.#upload.discard();
    this.#endTransfer();
  }

  async #record(subjects: readonly string[], error: string | undefined): Promise<void> {
    const { principal, log } = this.#view;
    const entry = {
      ...authorOf(principal),
      via: 'sftp',
      command: 'upload',
      args: [...subjects, `${this.#upload.size} bytes`],
      subjects,
      changes: true,
      result: error === undefined ? 'ok' : 'failed',
      ...(error === undefined ? {} : { error }),
      durationMs: this.#elapsed(),
    } as const;
    await this.#audit.append(entry, log);
  }

  #elapsed(): number {
    return Math.round(performance.now() - this.#started);
  }
}

function attrsOf({ size, created }: Upload): Attrs {
  return fileAttrs(0o644, size, Math.floor(Date.parse(created) / 1000));
}

function unixSeconds(clock: Clock): number {
  return Math.floor(clock().getTime() / 1000);
}
