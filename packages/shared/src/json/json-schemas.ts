import * as z from 'zod/mini';
import { DeployError } from '../errors.js';
import { checkedBy, checkJson, decodeJson, type JsonSubject } from './decode-json.js';

/** Hex SHA-256, in lower case: hashes become names of files, so nothing else is accepted. */
export const hashSchema = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** A whole number from 0 to 2^53-1. */
export const countSchema = z.number().check(z.refine((value) => Number.isSafeInteger(value) && value >= 0));

/** An RFC 3339 time in any zone; decoded to UTC with milliseconds. */
export const timeSchema = z.pipe(
  z.string().check(z.regex(/^\d{4}-\d\d-\d\dT[\d:.]{8,24}(Z|[+-]\d\d:\d\d)$/)),
  checkedBy((text: string) => {
    const time = new Date(text);
    if (Number.isNaN(time.getTime())) throw new DeployError('invalid', 'there is no such time');
    return time.toISOString();
  }),
);

/** An optional field that counts as absent when it is malformed. */
export function lenient<Schema extends z.core.$ZodType>(
  schema: Schema,
): z.ZodMiniCatch<z.ZodMiniOptional<Schema>> {
  return z.catch(z.optional(schema), undefined);
}

/** A text; the part beyond the bound is cut off, and no error. */
export function cutText(maxLength: number) {
  return z.string().check(z.overwrite((text) => text.slice(0, maxLength)));
}

/** The keys of a {@link wireObject} in our code. */
type OwnKeys<Wire> = {
  readonly [Key in keyof Wire as Uncapitalize<Key & string>]: Exclude<Wire[Key], undefined>;
};

/**
 * An object as Go writes it: each key begins with an upper-case letter, and null means absent. Decodes it to the same object with our
 * keys (`LastGood` becomes `lastGood`). Unknown keys are dropped, since newer peers may send more.
 */
export function wireObject<Shape extends z.core.$ZodShape>(shape: Shape) {
  const object = z.pipe(z.transform(withoutNulls), z.object(shape));
  return z.pipe(object, z.transform(withOwnKeys<z.output<z.ZodMiniObject<Shape>>>));
}

function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

function withOwnKeys<Wire extends object>(wire: Wire): OwnKeys<Wire> {
  return Object.fromEntries(
    Object.entries(withoutUndefined(wire)).map(([key, value]) => [
      key.charAt(0).toLowerCase() + key.slice(1),
      value,
    ]),
  ) as OwnKeys<Wire>;
}

/** The same object with its keys as {@link wireObject} reads them; objects in it stay as they are. */
export function withWireKeys(own: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(own).map(([key, value]) => [key.charAt(0).toUpperCase() + key.slice(1), value]),
  );
}

/** The keys of a line that has none besides the one that names its kind. */
export const noKeysSchema = z.transform((): object => ({}));

type LineSchemas = Readonly<Record<string, z.core.$ZodType>>;

/** A line of any of these kinds; its key `Tag` names the kind. */
export type LineOf<Tag extends string, Schemas extends LineSchemas> = {
  [Kind in keyof Schemas]: { readonly [Key in Tag]: Kind } & z.output<Schemas[Kind]>;
}[keyof Schemas];

export interface LineGrammar<Tag extends string, Schemas extends LineSchemas> {
  /** The key that names the kind of a line, on the wire and in our code. */
  readonly tag: readonly [wire: string, own: Tag];
  /** The other keys of a line, by its kind. */
  readonly schemas: Schemas;
  readonly subject: JsonSubject;
}

/**
 * Makes a function that reads one line of a peer, without its newline. It returns undefined for a line of an unknown kind: a newer
 * peer may have more. It throws a DeployError of the subject's kind that names the field.
 */
export function lineDecoder<Tag extends string, Schemas extends LineSchemas>({
  tag: [wireTag, ownTag],
  schemas,
  subject,
}: LineGrammar<Tag, Schemas>): (line: string) => LineOf<Tag, Schemas> | undefined {
  const tagSchema = z.looseObject({ [wireTag]: z.string() });
  return (line) => {
    const json: Fields = decodeJson(line, tagSchema, subject);
    const kind = String(json[wireTag]);
    const schema = Object.hasOwn(schemas, kind) ? schemas[kind] : undefined;
    if (schema === undefined) return undefined;
    const fields = checkJson(json, schema, subject);
    return Object.assign({ [ownTag]: kind }, fields) as LineOf<Tag, Schemas>;
  };
}

/** A JSON object whose keys are not checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** The same object without the keys that are undefined. */
export function withoutUndefined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
