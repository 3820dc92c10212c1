import { addconf } from './addconf.js';
import { addtrack } from './addtrack.js';
import { addver } from './addver.js';
import { agents } from './agents.js';
import { audit } from './audit.js';
import { bumpconf } from './bumpconf.js';
import { cancel } from './cancel.js';
import { changeconf } from './changeconf.js';
import { check } from './check.js';
import type { Command } from './command.js';
import { components } from './components.js';
import { configurations } from './configurations.js';
import { delcomp } from './delcomp.js';
import { delconf } from './delconf.js';
import { deltrack } from './deltrack.js';
import { delver } from './delver.js';
import { diff } from './diff.js';
import { forget } from './forget.js';
import { fsck } from './fsck.js';
import { gc } from './gc.js';
import { help } from './help.js';
import { history } from './history.js';
import { logs } from './logs.js';
import { notify } from './notify.js';
import { replaceconf } from './replaceconf.js';
import { retry } from './retry.js';
import { rollback } from './rollback.js';
import { showcomp } from './showcomp.js';
import { showconf } from './showconf.js';
import { status } from './status.js';
import { tracks } from './tracks.js';
import { watch } from './watch.js';
import { yank } from './yank.js';

const COMMANDS: readonly Command[] = [
  addver,
  addconf,
  replaceconf,
  rollback,
  history,
  diff,
  status,
  agents,
  logs,
  retry,
  cancel,
  forget,
  changeconf,
  bumpconf,
  showconf,
  showcomp,
  components,
  configurations,
  delver,
  delcomp,
  delconf,
  addtrack,
  tracks,
  check,
  deltrack,
  yank,
  gc,
  fsck,
  audit,
  notify,
  watch,
  help,
];

/** The command of that name, or undefined. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find(({ spec }) => spec.name === name);
}
