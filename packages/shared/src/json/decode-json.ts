import * as z from 'zod/mini';
import { DeployError, describeError } from '../errors.js';
import { printableLine } from '../printable.js';

/** Characters of a key in a message: a peer may send keys of any length. */
const MAX_KEY_LENGTH = 64;

/** How an error names a JSON text, and the kind that the error has. */
export interface JsonSubject {
  /** A noun with its article, as in `Hash of the configuration is malformed`. */
  readonly what: string;
  /** `corrupt` for JSON of our programs, `invalid` for JSON of a peer or a person. */
  readonly kind: 'corrupt' | 'invalid';
  readonly hint?: string;
}

/**
 * Parses a JSON text and checks it with a schema.
 * @returns the output of the schema.
 * @throws DeployError of the subject's kind, naming the first field that is missing or malformed.
 */
export function decodeJson<Schema extends z.core.$ZodType>(
  text: string,
  schema: Schema,
  subject: JsonSubject,
): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw jsonError(subject, `${subject.what} is not valid JSON`, error);
  }
  return checkJson(json, schema, subject);
}

/** Checks a value that is parsed already. @throws DeployError as {@link decodeJson}. */
export function checkJson<Schema extends z.core.$ZodType>(
  json: unknown,
  schema: Schema,
  subject: JsonSubject,
): z.output<Schema> {
  const result = z.safeParse(schema, json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  const field = path.length === 0 ? subject.what : `${fieldName(path)} of ${subject.what}`;
  const state = (valueAt(json, path) ?? undefined) === undefined ? 'missing' : 'malformed';
  const reason = issue?.code === 'custom' && issue.message !== 'Invalid input' ? `: ${issue.message}` : '';
  throw jsonError(subject, `${field} is ${state}${reason}`, result.error);
}

/** A step of a schema that applies a function. The message of an error contains the DeployError of the function. */
export function checkedBy<Input, Output>(
  check: (value: Input) => Output,
): z.ZodMiniTransform<Awaited<Output>, Input> {
  return z.transform<Input, Output>((value, context) => {
    try {
      return check(value);
    } catch (error) {
      context.issues.push({ code: 'custom', message: describeError(error), input: value });
      return z.NEVER;
    }
  });
}

/** `["Layers", 0, "Hash"]` as `Layers[0].Hash`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((key) =>
      typeof key === 'number' ? `[${key}]` : `.${printableLine(String(key).slice(0, MAX_KEY_LENGTH))}`,
    )
    .join('')
    .replace(/^\./, '');
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

function jsonError({ kind, hint }: JsonSubject, message: string, cause: unknown): DeployError {
  return new DeployError(kind, message, hint === undefined ? { cause } : { hint, cause });
}
