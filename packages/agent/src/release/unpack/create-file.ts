import { constants } from 'node:fs';

/** Flags of open(2): a new file, never an existing one and never through a symlink. */
export const CREATE_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
