import type { Fields } from '@deploy-tools/shared/json/json-schemas.js';
import { decodePause } from '@deploy-tools/shared/report/agent-line.js';
import { pauseText } from '@deploy-tools/shared/report/pause-note.js';

const HEAD = ['CONFIGURATION', 'STATE', 'REVISION', 'RUNNING', 'LAST GOOD', 'SINCE', 'WHY'] as const;

/** The rows of the table that `ctl status` prints, its head first. */
export function statusRows(configs: readonly Fields[]): string[][] {
  return [[...HEAD], ...configs.map(rowOf)];
}

function rowOf(config: Fields): string[] {
  const state = text(config.State);
  const isPausing = config.Paused === true && state !== 'paused';
  return [
    text(config.Config),
    isPausing ? `${state}, pausing` : state,
    releaseName(config),
    releaseName(config.Running),
    releaseName(config.LastGood),
    text(config.Since),
    whyOf(config),
  ];
}

function whyOf({ Error: error, NotBefore, Pause: pause, Registry: registry }: Fields): string {
  const message = isFields(error) ? text(error.Message) : '';
  const words = [
    isFields(pause) ? text(pauseText(decodePause(pause))) : '',
    message,
    NotBefore === undefined ? '' : `tried again at ${text(NotBefore)}`,
    isFields(registry) && registry.Connected === false ? disconnection(registry) : '',
  ];
  return words.filter((word) => word !== '').join('; ');
}

function disconnection({ Since, Error: error }: Fields): string {
  if (Since === undefined) return 'not connected to the registry yet';
  const why = error === undefined ? '' : `: ${text(error)}`;
  return `no connection to the registry since ${text(Since)}${why}`;
}

/** The number of a release, where the registry has numbers, and the beginning of its hash. */
function releaseName(release: unknown): string {
  if (!isFields(release) || release.Hash === undefined) return '-';
  const hash = text(release.Hash).slice(0, 12);
  return release.Revision === undefined ? hash : `${text(release.Revision)} (${hash})`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** A value as text on one line, without control characters. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).replace(/\p{C}+/gu, ' ') : '';
}
