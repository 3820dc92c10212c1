import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const ROOT = dirname(require.resolve('ssh2/package.json'));

/**
 * The files of ssh2 that the guard relies on; those that tools/ssh2-hunks.mjs changes are checked by each build. When one changes,
 * read what changed, check every line of docs/ssh-floor.md against it, and only then write its new hash here.
 */
const KNOWN = {
  'lib/server.js': '128b58ee54cf97a5ae17e18836ff4472de4a5e4e591f2862a5c9ec7f148befe5',
  'lib/Channel.js': '53e92988a025009b192b72be110bd240b5653f88dbdec93e515e3e401e7f94aa',
  'lib/utils.js': 'bbae8286bc64b049499ce353e8dc4eefbbedefca8f50591432c1057276097aee',
  'lib/protocol/crypto.js': 'a729d2064e787e2a4589c25a284444fe54a58b7434a4e6e5e8e9c73c6d91e28e',
  'lib/protocol/handlers.js': 'b15f990134a4f69b7492d0b875d80d8c28228907045619b01ec30871ac711df9',
  'lib/protocol/handlers.misc.js': '8927c504c3c338187f36f0304a3452d6396ec9fc907af3db2be46a5f175c36a1',
  'lib/protocol/keyParser.js': 'ba4f40a5a9edef15ff49a38226e2be2e66f75aa2673840dd18b807bb7943eca9',
  'lib/protocol/utils.js': '402b39e75ede9e3dc99af5e8af008602546f35aa1472bd4232c06f606987f053',
};

describe('ssh2', () => {
  it.each(Object.entries(KNOWN))('%s is the file that the guard was made for', (file, hash) => {
    const content = readFileSync(join(ROOT, file));
    expect(createHash('sha256').update(content).digest('hex')).toBe(hash);
  });

  it('takes an identification line in any pieces', () => {
    const Protocol = require('ssh2/lib/protocol/Protocol.js');
    const line = Buffer.from('SSH-2.0-client_1.0 comment\r\n');
    for (const size of [1, 2, 3, 9]) {
      const seen: string[] = [];
      const protocol = new Protocol({
        server: true,
        hostKeys: {},
        onWrite: () => {},
        onError: (error: Error) => seen.push(error.message),
        onHeader: (header: { versions: { software: string } }) => seen.push(header.versions.software),
      });
      for (let at = 0; at < line.length; at += size) {
        const piece = line.subarray(at, at + size);
        protocol.parse(piece, 0, piece.length);
      }
      expect(seen).toEqual(['client_1.0']);
    }
  });
});
