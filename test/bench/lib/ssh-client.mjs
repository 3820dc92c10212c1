import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import ssh2 from 'ssh2';

/**
 * A plain SSH client, its host key not checked.
 * @param onClose called once the connection is gone, with the error if there was one.
 */
export function connectSsh({ port, user, keyFile }, onClose = () => {}) {
  const client = new ssh2.Client();
  let failure;
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client));
    client.on('error', (error) => {
      failure ??= error;
    });
    client.once('close', () => {
      reject(failure ?? new Error('the connection was closed'));
      onClose(failure);
    });
    const privateKey = readFileSync(keyFile);
    client.connect({ host: '127.0.0.1', port, username: user, privateKey, readyTimeout: 60_000 });
  });
}

/** Runs a command to its end. @throws unless it ends with status 0. */
export function execSsh(client, command) {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      channel.resume();
      channel.on('close', (status) => {
        if (status === 0) resolve();
        else reject(new Error(`${command}: exit status ${status}`));
      });
    });
  });
}

/** Watches a configuration; `onHash` gets the hash of each line that tells one. Rejects where agents are refused. */
export function openWatch(client, name, onHash) {
  return new Promise((resolve, reject) => {
    client.exec(`watch ${name}`, (error, channel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      channel.stderr.resume();
      createInterface({ input: channel }).on('line', (line) => {
        const hash = /"hash"\s*:\s*"([0-9a-f]{64})"/i.exec(line)?.[1];
        if (hash !== undefined) onHash(hash);
      });
      channel.on('close', () => client.end());
      resolve();
    });
  });
}

/** Whether a registry pushes: whether it tells a watching agent at once what is wanted. */
export async function offersWatch(registry, keys, name) {
  return await new Promise((resolve) => {
    const to = { port: registry.port, user: 'deploy-agent', keyFile: keys.agent };
    connectSsh(to, () => resolve(false)).then(
      async (client) => {
        await openWatch(client, name, () => resolve(true)).catch(() => {});
        const timer = setTimeout(() => resolve(false), 2_000);
        client.once('close', () => clearTimeout(timer));
      },
      () => resolve(false),
    );
  });
}
