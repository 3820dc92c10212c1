import { AuditLog } from '@deploy-tools/registry/core/audit-log.js';
import type { MetaWriter } from '@deploy-tools/registry/meta/meta-store.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { onPorts, type TestRegistry } from './open-registry.js';

/** The same registry, whose audit log is full. */
export function withoutAudit(registry: TestRegistry): TestRegistry {
  const { meta, clock } = registry;
  const full = (tx: MetaWriter): MetaWriter =>
    new Proxy(tx, {
      get: (target, name: keyof MetaWriter) => {
        if (name === 'appendAudit') return () => Promise.reject(new DeployError('no-space', 'full'));
        const member = target[name];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  const audit = new AuditLog({ clock, meta: { write: (work) => meta.write((tx) => work(full(tx))) } });
  return onPorts(registry, { audit });
}
