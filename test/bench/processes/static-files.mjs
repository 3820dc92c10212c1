// Serves the files below a directory by HTTP, for casync.
//   node static-files.mjs DIRECTORY
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { serveParent } from '../lib/child.mjs';

const [dir] = process.argv.slice(2);
const server = createServer((request, response) => {
  const path = join(dir, normalize(`/${decodeURIComponent(request.url)}`));
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-length': found.size });
  createReadStream(path).pipe(response);
});
server.listen(0, '127.0.0.1', () => serveParent({}, { port: server.address().port }));
