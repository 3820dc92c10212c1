import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { showUrl } from '@deploy-tools/sources/objects/show-url.js';
import { parseDocument } from 'yaml';
import { type DeployContext, fetchContext } from './deploy-context.js';
import { COMMAND_LISTS, type DeployFile, type DeployFileCommands } from './deploy-file.js';
import { fetchSmall } from './download.js';
import { fillTemplate, markTemplate } from './fill-template.js';
import { parseDeployFile, readCommands } from './parse-deploy-file.js';
import { verifySigned } from './verify-signature.js';

const MAX_BYTES = 1024 * 1024;

/** Fetches a manifest, fills in its variables and reads it. @throws DeployError. */
export async function loadDeployFile(url: string, context: DeployContext): Promise<DeployFile> {
  const label = showUrl(url);
  context.log.line(`reading the manifest ${label}`);
  const bytes = await fetchSmall(url, MAX_BYTES, fetchContext(context));
  if (context.settings.signedDeployFile) await verified(url, bytes, context);
  const text = bytes.toString('utf8');
  const manifest = parseDeployFile(fillTemplate(text, context.environment, label), label);
  const asWritten = commandsAsWritten(text, label, manifest.commands);
  return asWritten === undefined ? manifest : { ...manifest, asWritten };
}

async function verified(url: string, manifest: Buffer, context: DeployContext): Promise<void> {
  const { allowedSigners } = context.settings;
  if (allowedSigners === undefined)
    throw new DeployError('usage', '-signed-manifest needs -allowed-signers: whose signature counts');
  const dir = mkdtempSync(join(tmpdir(), 'deploy-agent-manifest-'));
  try {
    const path = join(dir, 'manifest');
    writeFileSync(path, manifest, { mode: 0o600 });
    const at = new URL(url);
    at.pathname += '.sig';
    await verifySigned({ label: showUrl(url), path, allowedSigners, dir }, at.href, fetchContext(context));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * The commands of a manifest before its variables, which hold secrets, are filled in: messages show these.
 * @param commands with their variables filled in.
 * @returns undefined where variables add or remove commands, so that the two lists do not correspond.
 */
export function commandsAsWritten(
  text: string,
  label: string,
  commands: DeployFileCommands,
): DeployFileCommands | undefined {
  const { text: marked, unmark } = markTemplate(text, label);
  const document = parseDocument(marked, { prettyErrors: false, logLevel: 'silent' });
  const found = document.errors.length > 0 ? undefined : readCommands(document.contents);
  if (found === undefined || COMMAND_LISTS.some((list) => found[list].length !== commands[list].length))
    return undefined;
  const { pre, post, success, failure } = found;
  const shown = (list: readonly string[]): string[] => list.map(unmark);
  return { pre: shown(pre), post: shown(post), success: shown(success), failure: shown(failure) };
}
