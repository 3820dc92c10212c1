/** The middle value; of an even number of values the lower middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
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

/** Prints a figure with what is asked of it. */
export function verdict(name, value, wanted, holds) {
  console.log(`  ${holds ? 'ok  ' : 'MISS'} ${name}: ${value} (wanted: ${wanted})`);
}
