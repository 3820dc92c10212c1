// Agents that only watch: each holds one connection with one `watch`, and comes back when it is lost.
//   node watchers.mjs PORT KEY-FILE NAME
import { setTimeout as sleep } from 'node:timers/promises';
import { serveParent } from '../lib/child.mjs';
import { wallClock } from '../lib/run.mjs';
import { connectSsh, openWatch } from '../lib/ssh-client.mjs';

const [port, keyFile, name] = process.argv.slice(2);
/** So many shake hands at once when they come for the first time. */
const AT_ONCE = 8;
/** As deploy-agent redials: full jitter below a bound that doubles up to its poll interval. */
const FIRST_REDIAL_MS = 1_000;
const LONGEST_REDIAL_MS = 30_000;

const watchers = [];
const waits = new Set();

serveParent({ connect, reached, returned }, {});

/** Resolves when so many more have been told what is wanted. */
async function connect(count) {
  const fresh = Array.from({ length: count }, () => ({ hash: undefined, since: 0, lost: 0, redials: 0 }));
  const left = [...fresh];
  const connectLeft = async () => {
    for (let watcher = left.pop(); watcher !== undefined; watcher = left.pop()) await watch(watcher);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, connectLeft));
  watchers.push(...fresh);
  await until(() => fresh.every((watcher) => watcher.hash !== undefined));
}

/** @returns when each one was told of that hash, in milliseconds since 1970; once all were. */
async function reached(hash) {
  await until(() => watchers.every((watcher) => watcher.hash === hash));
  return watchers.map((watcher) => watcher.since);
}

/** Waits until each one has lost its connection and is back. @returns when each was, and what failed how often. */
async function returned() {
  const failures = {};
  for (const watcher of watchers) Object.assign(watcher, { hash: undefined, lost: 0, failures });
  await until(() => watchers.every((watcher) => watcher.lost > 0 && watcher.hash !== undefined));
  return { at: watchers.map((watcher) => watcher.since), failures };
}

async function watch(watcher) {
  const client = await connectSsh({ port: Number(port), user: 'deploy-agent', keyFile }, () => lost(watcher));
  try {
    await openWatch(client, name, (hash) => told(watcher, hash));
  } catch (error) {
    client.end(); // as a stopping registry refuses; it comes back like any that was lost
    throw error;
  }
}

function told(watcher, hash) {
  if (hash === watcher.hash) return;
  Object.assign(watcher, { hash, since: wallClock(), redials: 0 });
  for (const look of waits) look();
}

async function lost(watcher) {
  Object.assign(watcher, { hash: undefined, lost: watcher.lost + 1 });
  await sleep(Math.random() * Math.min(FIRST_REDIAL_MS * 2 ** watcher.redials, LONGEST_REDIAL_MS));
  watcher.redials += 1;
  await watch(watcher).catch((error) => {
    const { failures = {} } = watcher;
    failures[error.message] = (failures[error.message] ?? 0) + 1;
  });
}

function until(holds) {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds()) return;
      waits.delete(look);
      resolve();
    };
    waits.add(look);
    look();
  });
}
