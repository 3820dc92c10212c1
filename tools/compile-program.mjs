// Compiles a CommonJS program, every function of it, and writes what V8 made of it beside it: see
// packages/agent/bin/start-program.cjs.
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import program from '../packages/agent/bin/start-program.cjs';

const [filename] = process.argv.slice(2);
const source = program.asFunction(readFileSync(filename, 'utf8'));
setFlagsFromString('--no-lazy');
const script = new Script(source, { filename });
setFlagsFromString('--lazy'); // the flags are part of what V8 compares
const cachedData = script.createCachedData();
if (new Script(source, { filename, cachedData }).cachedDataRejected) throw new Error('V8 does not take it');
writeFileSync(filename.replace(/\.cjs$/, '.cache'), cachedData);
