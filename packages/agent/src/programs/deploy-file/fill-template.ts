import { randomBytes } from 'node:crypto';
import { DeployError } from '@deploy-tools/shared/errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Fills in a manifest's actions, `{{ … }}`, the part of Go's templates with the functions of kayac/go-config that manifests use:
 * `env "A" "B" "default"`, `must_env "A"`, `json_escape`, texts, and `|` to pass a value on. `{{-` and `-}}` remove
 * the blanks beside the action.
 * @param label for messages.
 * @throws DeployError invalid, with the line, also for a missing variable.
 */
export function fillTemplate(text: string, environment: Environment, label: string): string {
  return replaceActions(text, label, ({ body, fail }) => filledIn(body, environment, fail));
}

/** A template with a word without blanks in the place of each action. */
interface MarkedTemplate {
  readonly text: string;
  /** Puts the template's actions back in the places of their words. */
  readonly unmark: (part: string) => string;
}

/**
 * Replaces the actions of a template by words, so that it can be parsed without their values.
 * @param label for messages.
 * @throws DeployError invalid.
 */
export function markTemplate(text: string, label: string): MarkedTemplate {
  const actions: string[] = [];
  const mark = `x${randomBytes(8).toString('hex')}x`;
  const marked = replaceActions(text, label, ({ whole }) => `${mark}${actions.push(whole) - 1}x`);
  const marks = new RegExp(`${mark}(\\d+)x`, 'g');
  return { text: marked, unmark: (part) => part.replace(marks, (_, index) => actions[Number(index)] ?? '') };
}

interface Action {
  /** As in the template, braces included. */
  readonly whole: string;
  readonly body: string;
  readonly fail: Fail;
}

function replaceActions(text: string, label: string, replace: (action: Action) => string): string {
  let filled = '';
  let at = 0;
  for (;;) {
    const begin = text.indexOf('{{', at);
    if (begin < 0) return filled + text.slice(at);
    const mistake: Fail = (what) => templateError(`${label}: line ${lineOf(text, begin)}: ${what}`);
    const action = ACTION.exec(text.slice(begin));
    if (action === null) throw mistake('what begins with {{ does not end');
    const [whole, trimsLeft, body, trimsRight] = action;
    const before = text.slice(at, begin);
    filled += trimsLeft === undefined ? before : before.trimEnd();
    filled += replace({ whole, body: body ?? '', fail: mistake });
    at = begin + whole.length;
    if (trimsRight !== undefined) at += text.slice(at).length - text.slice(at).trimStart().length;
  }
}

/** An action; its texts may hold braces. */
const ACTION = /^\{\{(?:(-)(?=\s))?((?:"(?:[^"\\\n]|\\.)*"|`[^`]*`|[^"`{}])*?)(?:(?<=\s)(-))?\}\}/;
const WORD = /\s*(?:("(?:[^"\\\n]|\\.)*"|`[^`]*`)|([A-Za-z_]\w*)|(\|))\s*/y;

type Fail = (what: string) => DeployError;

function filledIn(body: string, environment: Environment, fail: Fail): string {
  let piped: string | undefined;
  for (const [first, ...rest] of pipelineOf(body, fail)) {
    const args = [...rest.map(({ text }) => text), ...(piped === undefined ? [] : [piped])];
    if (first === undefined) throw fail('there is nothing to fill in');
    if (first.isText && args.length > 0) throw fail('a text takes no arguments');
    piped = first.isText ? first.text : call({ name: first.text, args }, environment, fail);
  }
  return piped ?? '';
}

interface Word {
  readonly text: string;
  readonly isText: boolean;
}

/** The words of each command between bars. */
function pipelineOf(body: string, fail: Fail): Word[][] {
  let command: Word[] = [];
  const commands = [command];
  const words = new RegExp(WORD);
  while (words.lastIndex < body.length && body.trim() !== '') {
    const match = words.exec(body);
    if (match === null)
      throw fail(`"${body.trim()}" is not understood: there are env, must_env and json_escape`);
    const [, quoted, name] = match;
    if (quoted !== undefined) command.push({ text: unquoted(quoted, fail), isText: true });
    else if (name !== undefined) command.push({ text: name, isText: false });
    else {
      command = [];
      commands.push(command);
    }
  }
  return commands;
}

function unquoted(quoted: string, fail: Fail): string {
  if (quoted.startsWith('`')) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw fail(`${quoted} is no text`);
  }
}

function call(
  { name, args }: { readonly name: string; readonly args: readonly string[] },
  environment: Environment,
  fail: Fail,
): string {
  const [first = ''] = args;
  if (name === 'json_escape' && args.length === 1) return JSON.stringify(first).slice(1, -1);
  if (name === 'must_env' && args.length === 1) {
    const value = environment[first];
    if (value !== undefined) return value;
    throw fail(`the environment variable ${first} is not set`);
  }
  if (name === 'env' && args.length > 0) {
    const [names, fallback] = args.length === 1 ? [args, undefined] : [args.slice(0, -1), args.at(-1)];
    const found = names.map((each) => environment[each]).find((value) => value !== undefined && value !== '');
    const value = found ?? fallback;
    if (value !== undefined) return value;
    throw fail(`the environment variable ${first} is not set, and there is no default`);
  }
  throw fail(
    `${name} with ${args.length} arguments is not understood: there are env, must_env and json_escape`,
  );
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

function templateError(what: string): DeployError {
  return new DeployError('invalid', what, {
    hint: 'see docs/manifest-deployments.md; {{ "{{" }} gives {{',
  });
}
