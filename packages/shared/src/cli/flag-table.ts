import type { FlagSpec, FlagType } from './flags.js';

type Options = Omit<FlagSpec, 'name' | 'type' | 'help'>;

/** Makes a row of a table of flags, with the literal types that FlagValues needs. */
type FlagRow<Type extends FlagType> = <
  const Name extends string,
  const More extends Options = Record<never, never>,
>(
  name: Name,
  help: string,
  more?: More,
) => { readonly name: Name; readonly type: Type; readonly help: string } & More;

function rowOf<Type extends FlagType>(type: Type): FlagRow<Type> {
  return <Name extends string, More extends Options>(name: Name, help: string, more?: More) =>
    Object.assign({ name, type, help }, more as More);
}

/** Rows of a table of flags by their type: `flag.int('keep', 'releases to keep', { min: 0 })`. */
export const flag = {
  text: rowOf('string'),
  bool: rowOf('bool'),
  int: rowOf('int'),
  duration: rowOf('duration'),
  size: rowOf('size'),
  list: rowOf('list'),
};
