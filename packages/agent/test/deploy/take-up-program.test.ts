import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { takeUpProgram } from '@deploy-tools/agent/deploy/resume-attempt.js';
import type { ReleaseProgram } from '@deploy-tools/agent/process/supervise/release-program.js';
import { expect, it } from 'vitest';
import { DeployingHost } from '../deploying-host.js';

/** A host on which v1 is proven, whose agent is started anew and has a program to run. */
async function host() {
  const made = await DeployingHost.make(['v1']);
  await made.look('v1');
  const starts: [string, Readonly<Record<string, string>>][] = [];
  const switches: string[] = [];
  const program = {
    get root() {
      return switches.at(-1);
    },
    switchTo: async ({ root }: { readonly root: string }) => {
      switches.push(root);
      return new AbortController().signal;
    },
    start: (root: string, environment: Readonly<Record<string, string>>) =>
      void starts.push([root, environment]),
  } as unknown as ReleaseProgram;
  await made.set({}, { env: { PATH: '/bin', SECRET: 'x' }, program });
  return { made, starts, switches, root: join(made.context.paths.unpacked, made.config('v1').hash) };
}

it('the program is started from the release that ran, without asking anybody, and told which that is', async () => {
  const { made, starts, root } = await host();
  takeUpProgram(made.context);
  const { hash } = made.config('v1');
  const layer = { LAYER_0_NAME: 'layer0', LAYER_0_VERSION: 'v1' };
  expect(starts).toEqual([[root, { PATH: '/bin', NEWID: hash, NEWROOT: root, ...layer }]]);
});

it('a release that is gone from the disk is not run; it is fetched and deployed anew', async () => {
  const { made, starts, switches, root } = await host();
  rmSync(root, { recursive: true });
  takeUpProgram(made.context);
  expect(starts).toEqual([]);
  expect(await made.look('v1')).toMatchObject({ kind: 'deployed' });
  expect(made.fetched).toEqual(['v1', 'v1']);
  expect(switches).toEqual([root]);
});
