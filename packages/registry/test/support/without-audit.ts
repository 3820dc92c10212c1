import type { Registry } from '@deploy-tools/registry/core/registry.js';
import type { MetaWriter } from '@deploy-tools/registry/meta/meta-store.js';
import { DeployError } from '@deploy-tools/shared/errors.js';

/** The same registry, of which the audit log is full. */
export function withoutAudit(registry: Registry): Registry {
  const { meta } = registry;
  const full = (tx: MetaWriter): MetaWriter =>
    new Proxy(tx, {
      get: (target, name: keyof MetaWriter) => {
        if (name === 'appendAudit') return () => Promise.reject(new DeployError('no-space', 'full'));
        const member = target[name];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  return {
    ...registry,
    meta: {
      read: (work) => meta.read(work),
      write: (work) => meta.write((tx) => work(full(tx))),
      shrink: () => meta.shrink(),
      close: () => meta.close(),
    },
  };
}
