import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stop } from './run.mjs';

/**
 * Starts a module of `processes/` in a process of its own, so that it runs on while the bench waits for something
 * else, and resolves when it is ready. `ask(command, input)` runs one of its commands; `ready` is what it said first.
 * The module answers with `serveParent` of this file.
 */
export async function startChild(module, ...args) {
  const file = fileURLToPath(new URL(`../processes/${module}.mjs`, import.meta.url));
  const child = fork(file, args.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const questions = new Map();
  let asked = 0;
  const answer = (id) => new Promise((resolve, reject) => questions.set(id, { resolve, reject }));
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = questions.get(id);
    questions.delete(id);
    if (error === undefined) resolve(value);
    else reject(new Error(`${module}: ${error}`));
  });
  child.once('exit', (code) => {
    for (const { reject } of questions.values()) reject(new Error(`${module} ended with ${code}`));
  });
  const ready = await answer(0);
  const ask = (command, input) => {
    asked += 1;
    child.send({ id: asked, command, input });
    return answer(asked);
  };
  return { ready, pid: child.pid, ask, stop: () => stop(child) };
}

/** The child's side: says that it is ready, then runs the command that each message names. */
export function serveParent(commands, ready) {
  const say = (message) => process.send(message);
  process.on('message', ({ id, command, input }) => {
    Promise.resolve(commands[command](input)).then(
      (value) => say({ id, value }),
      (error) => say({ id, error: error.stack }),
    );
  });
  process.once('disconnect', () => process.exit()); // the bench was killed
  say({ id: 0, value: ready });
}
