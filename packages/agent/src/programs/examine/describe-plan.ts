import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import type { AgentConfig, ConfigLayer } from '@deploy-tools/shared/config-json.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { type PauseNote, pauseText } from '@deploy-tools/shared/report/pause-note.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import { resumptionOf } from '../../deploy/deploy-step.js';
import { waitBefore } from '../../deploy/hold.js';
import { isSettled, type Journal, runningRelease } from '../../deploy/journal.js';
import { describeCheck } from '../../process/health/health-check.js';
import { layerLabel } from '../../release/layer-label.js';

/** The facts that a plan depends on. */
export interface PlanView {
  readonly settings: AgentSettings;
  /** By the registry. */
  readonly wanted: AgentConfig;
  /** By state.json. */
  readonly lastGood: AgentConfig | undefined;
  readonly journal: Journal;
  readonly pause: PauseNote | undefined;
  /** Whether the destination, if any, has the last good release. */
  readonly isPlaced: boolean;
  /** Whether this attempt has made the wanted release completely. */
  readonly isUnpacked: boolean;
  /** Hashes of archives in the cache. */
  readonly cached: ReadonlySet<string>;
  readonly now: Date;
}

/** Describes what an agent would do now, and why, as rows of a name and words. Pure. */
export function describePlan(view: PlanView): string[][] {
  const { settings, wanted, lastGood, journal } = view;
  const [verdict, goesOn] = verdictOf(view);
  const head = [
    ['configuration', settings.name],
    ['wanted', releaseName(wanted)],
    ['running', releaseName(runningRelease(journal, lastGood))],
    ['last good', releaseName(lastGood)],
    ['verdict', verdict],
  ];
  return goesOn ? [...head, ...layersOf(view), ...programsOf(view), rollbackOf(view)] : head;
}

/** @returns the words, and whether a deployment follows now or later. */
function verdictOf(view: PlanView): readonly [string, boolean] {
  const { journal, wanted, lastGood, now } = view;
  const { attempt, hold } = journal;
  const left = attempt === undefined ? 'nothing' : resumptionOf(attempt.step);
  if (attempt !== undefined && left !== 'nothing' && left !== 'start-over')
    return [
      `in progress: ${attempt.step} ${releaseName(attempt.config)}; an agent resumes that first`,
      false,
    ];
  if (view.pause !== undefined) return [`nothing: ${pauseText(view.pause)} (deploy-agent ctl resume)`, false];
  if (lastGood?.hash === wanted.hash && isSettled(journal) && view.isPlaced)
    return ['nothing: it is current', false];
  const ms = waitBefore(hold, wanted, now);
  if (ms === 0) return [whyNow(view), true];
  const why = {
    rejected: `it failed (${hold?.failures ?? 0} in a row): ${attempt?.error?.message ?? 'see the log'}`,
    vetoed: hold?.reason ?? 'the host said not now',
    withdrawn: 'an operator on this host rolled it back',
  }[hold?.why ?? 'rejected'];
  const when = Number.isFinite(ms)
    ? `in ${formatDuration(Math.ceil(ms / 1000) * 1000)}`
    : 'not before a retry or another revision';
  return [`deploy ${when}: ${why}`, true];
}

function whyNow({ lastGood, wanted, isPlaced }: PlanView): string {
  if (lastGood === undefined) return 'deploy: nothing runs yet';
  const isMissing = lastGood.hash === wanted.hash && !isPlaced;
  return isMissing ? 'deploy: it is not at -dest' : 'deploy: it is not what runs';
}

function layersOf({ wanted, lastGood, isUnpacked, cached }: PlanView): string[][] {
  if (isUnpacked) return [['release', 'is unpacked already and used again']];
  const here = new Set(lastGood?.layers.map(({ hash }) => hash));
  return wanted.layers.map((layer) => ['layer', `${layerLabel(layer)}: ${sourceOf(layer, here, cached)}`]);
}

function sourceOf(layer: ConfigLayer, here: ReadonlySet<string>, cached: ReadonlySet<string>): string {
  if (cached.has(layer.hash)) return 'its archive is in the cache';
  const most = layer.size === undefined ? 'its archive' : `at most ${formatByteSize(layer.size)}`;
  if (layer.manifest === undefined)
    return `fetch ${layer.size === undefined ? most : formatByteSize(layer.size)}, as an archive`;
  return here.has(layer.hash)
    ? 'reused from the release that runs'
    : `fetch ${most}: the chunks that are not here`;
}

function programsOf({ settings }: PlanView): string[][] {
  const { hooks, script, destination } = settings;
  const order = [
    ['hook-pre', hooks.pre],
    ['hook-prepare', hooks.prepare],
    ['sync', destination === undefined ? undefined : `${destination.strategy} to ${destination.to}`],
    ['script', script],
    ...settings.health.checks.map((check) => ['health', describeCheck(check)] as const),
    ['hook-validate', hooks.validate],
    ['hook-post', hooks.post],
    ['hook-success', hooks.success],
  ] as const;
  return order.flatMap(([what, command]) => (command === undefined ? [] : [[what, command]]));
}

function rollbackOf({ settings, lastGood }: PlanView): string[] {
  if (!settings.rollback) return ['on failure', 'no rollback; tried again later'];
  if (lastGood === undefined) return ['on failure', 'there is no release to roll back to; tried again later'];
  return ['on failure', `back to ${releaseName(lastGood)}`];
}

function releaseName(config: AgentConfig | undefined): string {
  if (config === undefined) return 'nothing that is known';
  const hash = config.hash.slice(0, 12);
  return config.revision === undefined ? hash : `revision ${config.revision} (${hash})`;
}
