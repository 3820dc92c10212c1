import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const yaml: typeof import('yaml') = require('yaml');

/** The parts of `yaml` that are used here, loaded with the modules that use them: most agents need none of it. */
export const { isMap, isScalar, isSeq, LineCounter, parseDocument } = yaml;
