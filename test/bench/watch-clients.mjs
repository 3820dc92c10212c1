// A process of many watchers: node watch-clients.mjs HOST:PORT KEY NAME COUNT. Tells its parent when all of them
// watch, and when each line of a change came, in milliseconds since 1970.
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';

const AT_ONCE = 20;
const [address, keyFile, name, count] = process.argv.slice(2);
const [host, port] = address.split(':');
const privateKey = readFileSync(keyFile);
const times = [];

let left = Number(count);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) await watch();
  }),
);
process.send('watching');
process.on('message', () => process.send(times.splice(0)));

/** As an agent: an SFTP session and a watch on one connection. Resolves with the first line. */
function watch() {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on('error', reject).on('ready', () => {
      client.subsys('sftp', (refused, sftp) => (refused ? reject(refused) : sftp.resume()));
      client.exec(`watch ${name}`, (refused, channel) => {
        if (refused) return reject(refused);
        channel.end();
        channel.on('data', (lines) => {
          if (!lines.includes('"Event":"config"')) return;
          times.push(performance.timeOrigin + performance.now());
          resolve();
        });
      });
    });
    client.connect({ host, port: Number(port), username: 'deploy-agent', privateKey, readyTimeout: 60_000 });
  });
}
