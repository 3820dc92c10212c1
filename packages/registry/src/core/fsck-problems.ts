/** The problems that fsck finds: the harm of each, and what `fsck -repair` does about it. */
export const PROBLEMS = {
  'archive missing': { harm: 'lost', repair: 'put an upload of the same file in its place' },
  'archive damaged': { harm: 'lost', repair: 'put an upload of the same file in its place' },
  'upload missing': { harm: 'none', repair: 'forget it' },
  'upload damaged': { harm: 'lost', repair: 'remove it' },
  'not indexed': { harm: 'slow', repair: 'index the archive' },
  'manifest missing': { harm: 'slow', repair: 'index the archive again' },
  'manifest damaged': { harm: 'slow', repair: 'index the archive again' },
  'pack missing': { harm: 'slow', repair: 'index the archive again' },
  'pack damaged': { harm: 'slow', repair: 'index the archive again' },
  'not indexable': { harm: 'none', repair: 'read the archive again' },
  'nothing names it': { harm: 'none', repair: 'remove it, as gc does' },
} as const satisfies Record<string, ProblemRow>;

export type Problem = keyof typeof PROBLEMS;

interface ProblemRow {
  /** `lost`: the file cannot be fetched; `slow`: hosts fetch the whole archive; `none`: no host is affected. */
  readonly harm: 'lost' | 'slow' | 'none';
  readonly repair: string;
}

export interface Finding {
  readonly problem: Problem;
  /** The hash of the missing or damaged file, or of the archive. */
  readonly hash: string;
  /** The reason, where the problem alone does not say it. */
  readonly detail?: string | undefined;
  /** `component:version` of each version with that archive. */
  readonly versions: readonly string[];
  /** Configurations whose head has that archive. */
  readonly configurations: readonly string[];
  /** The result of a repair; `failure` is undefined when it succeeded. */
  readonly repair?: { readonly failure: string | undefined };
}

/** Whether the finding still needs an operator. */
export function isOpen({ problem, repair }: Finding): boolean {
  return PROBLEMS[problem].harm !== 'none' && (repair === undefined || repair.failure !== undefined);
}
