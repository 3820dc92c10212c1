import { DeployError } from '../errors.js';

/**
 * Returns the values of required flags.
 * @throws DeployError usage when one is missing. It names all of them, as in the Go registry: `name, version and hash should all
 *   be set`.
 */
export function required<const T extends Readonly<Record<string, string | undefined>>>(
  values: T,
): { readonly [K in keyof T]: string } {
  const names = Object.keys(values);
  if (names.some((name) => values[name] === undefined || values[name] === '')) {
    const list = names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
    throw new DeployError(
      'usage',
      `${list} should ${names.length === 1 ? '' : names.length === 2 ? 'both ' : 'all '}be set`,
    );
  }
  return values as { readonly [K in keyof T]: string };
}
