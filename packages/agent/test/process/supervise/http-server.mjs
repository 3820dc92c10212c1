// A server as people would write one for a supervisor. It takes its sockets by either convention, answers who it is after
// a moment, and on SIGTERM accepts nothing any more and ends when all that was begun is answered.
import { createServer } from 'node:http';
import { Server as NetServer } from 'node:net';

const {
  VERSION = '?',
  CONVENTION = 'systemd',
  SLOW_START = '0',
  STATUS = '200',
  SERVER_STARTER_GENERATION,
} = process.env;
const IDLE_MS = 1000;

function descriptors() {
  if (CONVENTION === 'starter')
    return process.env.SERVER_STARTER_PORT.split(';').map((item) => Number(item.split('=')[1]));
  if (Number(process.env.LISTEN_PID) !== process.pid) throw new Error('the sockets are for somebody else');
  return Array.from({ length: Number(process.env.LISTEN_FDS) }, (_, index) => 3 + index);
}

let draining = false;
function serve(fd) {
  const server = createServer((request, response) => {
    if (draining) response.setHeader('connection', 'close');
    response.statusCode = Number(STATUS);
    const answer = () => response.end(`${VERSION} ${process.pid} ${SERVER_STARTER_GENERATION}`);
    if (request.url === '/slow') setTimeout(answer, 1500);
    else setTimeout(answer, Math.random() * 30);
  });
  server.keepAliveTimeout = 60_000;
  server.listen({ fd });
  return server;
}

setTimeout(() => {
  const servers = descriptors().map(serve);
  process.on('SIGTERM', () => {
    draining = true;
    // Not http's own close: that ends idle connections at once, on which a request may be under way.
    for (const server of servers) NetServer.prototype.close.call(server);
    setTimeout(() => {
      for (const server of servers) server.closeIdleConnections();
    }, IDLE_MS);
  });
  console.log('serving');
}, Number(SLOW_START));
