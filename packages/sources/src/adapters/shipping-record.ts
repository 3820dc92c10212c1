import type { ShippedReport } from '../source.js';

/** `20260703T102030Z`. */
function compactTime(time: string): string {
  return time.replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
}

/** `shipped to web1 server at 20260703T102030Z`, as dewy writes it at GitHub. */
export function shippingRecord({ host, command, time }: ShippedReport): string {
  return `shipped to ${host.toLowerCase()} ${command} at ${compactTime(time)}`;
}

/** `shipped_to_web1_at_20260703T102030Z.txt`, the name of the empty object that dewy leaves in buckets. */
export function shippingObject({ host, time }: ShippedReport): string {
  return `shipped_to_${host.toLowerCase()}_at_${compactTime(time)}.txt`;
}
