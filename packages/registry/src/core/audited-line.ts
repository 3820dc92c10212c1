import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import type { AuditRecord } from '../meta/meta-store.js';

/** A command line as somebody could type it again; one that could not be split is kept whole as the only argument. */
export function auditedLine({ command, args }: Pick<AuditRecord, 'command' | 'args'>): string {
  return command === '' ? args.join(' ') : joinCommandLine([command, ...args]);
}
