import type { Fleet } from '../core/fleet/fleet.js';

/** How many times the fleet is looked over while a host becomes lost. */
const LOOKS = 9;

/** Looks which hosts became lost, again and again. @returns what stops it. */
export function startSweeping(fleet: Fleet): () => void {
  const timer = setInterval(() => fleet.sweep(), Math.max(1, fleet.lostAfterMs / LOOKS)).unref();
  return () => clearInterval(timer);
}
