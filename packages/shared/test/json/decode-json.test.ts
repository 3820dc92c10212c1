import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkedBy, decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import {
  countSchema,
  hashSchema,
  lenient,
  timeSchema,
  wireObject,
} from '@deploy-tools/shared/json/json-schemas.js';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';

const SUBJECT = { what: 'the list', kind: 'invalid', hint: 'write it anew' } as const;
const list = z.object({
  owner: z.string(),
  items: z.array(z.object({ hash: hashSchema, count: countSchema })),
});
const HASH = 'a'.repeat(64);

function messageOf(text: string, schema: z.core.$ZodType = list): string {
  try {
    decodeJson(text, schema, SUBJECT);
  } catch (error) {
    expect(error).toBeInstanceOf(DeployError);
    expect(error).toMatchObject({ kind: 'invalid', hint: 'write it anew' });
    return (error as DeployError).message;
  }
  throw new Error('it was decoded');
}

describe('decodeJson', () => {
  test('returns what the schema makes of the text, without keys that it does not know', () => {
    const item = { hash: HASH, count: 2 };
    const text = JSON.stringify({ owner: 'web', items: [{ ...item, more: 1 }], later: true });
    expect(decodeJson(text, list, SUBJECT)).toEqual({ owner: 'web', items: [item] });
  });

  test.each([
    ['{', 'the list is not valid JSON'],
    ['[]', 'the list is malformed'],
    ['null', 'the list is missing'],
    ['{"items":[]}', 'owner of the list is missing'],
    ['{"owner":null,"items":[]}', 'owner of the list is missing'],
    ['{"owner":7,"items":[]}', 'owner of the list is malformed'],
    ['{"owner":"web","items":[null]}', 'items[0] of the list is missing'],
    [`{"owner":"web","items":[{"hash":"${HASH}"}]}`, 'items[0].count of the list is missing'],
    [`{"owner":"web","items":[{"hash":"${HASH}0","count":1}]}`, 'items[0].hash of the list is malformed'],
    [`{"owner":"web","items":[{"hash":"${HASH}","count":1.5}]}`, 'items[0].count of the list is malformed'],
    [`{"owner":"web","items":[{"hash":"${HASH}","count":-1}]}`, 'items[0].count of the list is malformed'],
  ])('names the first field that is wrong in %s', (text, message) => {
    expect(messageOf(text)).toBe(message);
  });

  test('gives the reason of a check that throws', () => {
    const even = checkedBy((value: number) => {
      if (value % 2 === 0) return value / 2;
      throw new DeployError('invalid', 'it is odd');
    });
    const schema = z.object({ pairs: z.pipe(z.number(), even) });
    expect(decodeJson('{"pairs":4}', schema, SUBJECT)).toEqual({ pairs: 2 });
    expect(messageOf('{"pairs":3}', schema)).toBe('pairs of the list is malformed: it is odd');
  });

  test('cuts a key that a peer chose, and makes it safe for a terminal', () => {
    const key = `\u001b[31m${'k'.repeat(1000)}`;
    const message = messageOf(JSON.stringify({ [key]: 1 }), z.record(z.string(), z.string()));
    expect(message).toMatch(/^\\x1b\[31mk+ of the list is malformed$/);
    expect(message.length).toBeLessThan(120);
  });
});

describe('schemas', () => {
  test('a time is decoded to UTC', () => {
    expect(z.parse(timeSchema, '2026-01-01T02:00:00+02:00')).toBe('2026-01-01T00:00:00.000Z');
    expect(z.safeParse(timeSchema, '2026-13-01T00:00:00Z').success).toBe(false);
    expect(z.safeParse(timeSchema, 'yesterday').success).toBe(false);
  });

  test('a lenient field is absent when it is malformed', () => {
    const schema = wireObject({ Size: lenient(countSchema) });
    expect(z.parse(schema, { Size: 7 })).toEqual({ size: 7 });
    for (const Size of [-1, 'x', null, undefined]) expect(z.parse(schema, { Size })).toStrictEqual({});
  });

  test('an object of the wire gets our keys; null is absent, and unknown keys are dropped', () => {
    const schema = wireObject({ LastGood: z.optional(wireObject({ Hash: hashSchema })), Name: z.string() });
    expect(z.parse(schema, { Name: 'x', LastGood: { Hash: HASH }, Later: 1 })).toStrictEqual({
      name: 'x',
      lastGood: { hash: HASH },
    });
    expect(z.parse(schema, { Name: 'x', LastGood: null })).toStrictEqual({ name: 'x' });
    expect(z.safeParse(schema, { Name: null }).success).toBe(false);
    expect(z.safeParse(schema, []).success).toBe(false);
  });
});
