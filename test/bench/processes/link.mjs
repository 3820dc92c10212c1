// A TCP proxy before a port of this machine: counts bytes, and holds each chunk back for a time each way, in order.
//   node link.mjs TARGET-PORT ONE-WAY-MILLISECONDS
import { connect, createServer } from 'node:net';
import { serveParent } from '../lib/child.mjs';

const [target, delayMs] = process.argv.slice(2).map(Number);
/** What may be under way, so that a slow receiver still holds the sender back: a link of 1 GB/s is not limited by it. */
const MOST_UNDER_WAY = delayMs > 0 ? 64 << 20 : 1 << 20;
const counted = { sent: 0, received: 0 };

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  client.on('error', () => client.destroy());
  // Here the connection stands at once; over the link it takes the client a round trip, then its first data comes.
  setTimeout(() => join(client), 2 * delayMs);
});
server.listen(0, '127.0.0.1', () => {
  const take = () => {
    const taken = { ...counted };
    Object.assign(counted, { sent: 0, received: 0 });
    return taken;
  };
  serveParent({ take }, { port: server.address().port });
});

function join(client) {
  const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  pass(client, upstream, 'sent');
  pass(upstream, client, 'received');
}

function pass(from, to, direction) {
  const underWay = [];
  let bytes = 0;
  let waiting = false;
  const release = () => {
    waiting = false;
    while (underWay.length > 0 && underWay[0].due <= performance.now()) {
      const { chunk } = underWay.shift();
      if (chunk === undefined) to.end();
      else to.write(chunk);
      bytes -= chunk?.length ?? 0;
    }
    schedule();
    resume();
  };
  const schedule = () => {
    if (waiting || underWay.length === 0) return;
    waiting = true;
    setTimeout(release, Math.ceil(underWay[0].due - performance.now()));
  };
  const resume = () => {
    if (bytes + to.writableLength < MOST_UNDER_WAY) from.resume();
  };
  const send = (chunk) => {
    underWay.push({ chunk, due: performance.now() + delayMs });
    bytes += chunk?.length ?? 0;
    if (delayMs === 0) release();
    else schedule();
    if (bytes + to.writableLength >= MOST_UNDER_WAY) from.pause();
  };
  from.on('data', (chunk) => {
    counted[direction] += chunk.length;
    send(chunk);
  });
  from.on('end', () => send(undefined));
  from.on('error', () => to.destroy());
  from.on('close', () => from.errored && to.destroy());
  to.on('drain', resume);
}
