import { type Archive, upload } from './archive.js';
import type { OpenSsh } from './open-ssh.js';

/** Runs one command of the registry. @returns what it prints. @throws when it fails. */
export async function command(operator: OpenSsh, line: string): Promise<string> {
  const done = await operator.exec(line);
  if (done.status !== 0) throw new Error(`${line}: ${done.stderr}`);
  return done.stdout;
}

/** Uploads archives as version v1 of a component each, and makes a configuration of them, in order. */
export async function addConfiguration(
  operator: OpenSsh,
  name: string,
  layers: Readonly<Record<string, Archive>>,
): Promise<void> {
  const versions = Object.entries(layers).map(([component, archive]) => ({ component, archive }));
  const puts = versions.map(({ archive: { path, hash } }) => `put ${path} ${hash}`);
  const put = await operator.sftp(`${puts.join('\n')}\n`);
  if (put.status !== 0) throw new Error(`put: ${put.stdout}${put.stderr}`);
  const words = Object.keys(layers).map((component) => `-layer ${component}:v1`);
  await commands(operator, [
    ...versions.map(
      ({ component, archive }) => `addver -name ${component} -version v1 -hash ${archive.hash}`,
    ),
    `addconf -name ${name} ${words.join(' ')}`,
  ]);
}

/** Uploads an archive as a new version of a component and makes a configuration use it. */
export async function changeLayer(
  operator: OpenSsh,
  name: string,
  component: string,
  version: string,
  archive: Archive,
): Promise<void> {
  await upload(operator, archive);
  await commands(operator, [
    `addver -name ${component} -version ${version} -hash ${archive.hash}`,
    `changeconf -name ${name} -component ${component} -version ${version}`,
  ]);
}

/** Several in one session. */
async function commands(operator: OpenSsh, lines: readonly string[]): Promise<void> {
  const done = await operator.lines(`${lines.join('\n')}\n`);
  if (done.status !== 0) throw new Error(`${lines.join('\n')}: ${done.stderr}`);
}

/** The hash of a configuration, as the registry tells it. */
export async function configurationHashOf(operator: OpenSsh, name: string): Promise<string> {
  const shown = await command(operator, `showconf -name ${name} -v`);
  const hash = /^Hash:\s+([0-9a-f]{64})$/m.exec(shown)?.[1];
  if (hash === undefined) throw new Error(`showconf: ${shown}`);
  return hash;
}
