import { loadavg } from 'node:os';

/** The middle value; of an even number of values the lower middle. */
export const median = (values) => percentile(values, 0.5);

/** The value that the given part of all values does not exceed. */
export function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}

/** `median (min-max)` with a unit. */
export function spread(values, unit, digits = 0) {
  const show = (value) => value.toFixed(digits);
  return `${show(median(values))} ${unit} (${show(Math.min(...values))}-${show(Math.max(...values))})`;
}

/** The median of the ratios pair by pair: it holds also when the machine's speed drifts. */
export function pairedRatio(numerators, denominators) {
  return median(numerators.map((value, index) => value / denominators[index]));
}

export const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** Begins a section, with the machine's load at that moment. */
export function heading(text) {
  console.log(`\n${text} (load ${loadavg()[0].toFixed(2)})`);
}

/** Prints a figure with what is asked of it. */
export function verdict(name, value, wanted, holds) {
  console.log(`  ${holds ? 'ok  ' : 'MISS'} ${name}: ${value} (wanted: ${wanted})`);
}

/** Prints the peak memory of a program with what is asked of it, in MB. */
export function memoryVerdict(name, bytes, most = 150) {
  verdict(`peak memory of ${name}`, `${megabytes(bytes)} MB`, `below ${most} MB`, bytes < most * 1e6);
}
