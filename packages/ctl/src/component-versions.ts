import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';

/** The command that lists the versions of a component; a Go registry has it too. */
export function versionsCommand(component: string): string {
  return joinCommandLine(['showcomp', `-name=${component}`]);
}

/** The version of one row of that list: `time   version`, padded with spaces. A version may hold single spaces. */
export function versionOfRow(row: string): string {
  return row.replace(/^\S+\s+/, '').trimEnd();
}
