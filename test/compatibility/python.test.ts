import { join } from 'node:path';
import { describeWithPython, PYTHON } from '../support/requires.js';
import { run } from '../support/run.js';
import { type ClientUnderTest, itServes, type Login } from './client-conformance.js';

/** A client that is one of the scripts beside this file. */
function pythonClient(script: string): ClientUnderTest {
  const act = ({ registry, user, key }: Login, ...action: string[]) => {
    const login = [registry.host, String(registry.port), user, key.path];
    return run(PYTHON, ['-W', 'ignore', join(import.meta.dirname, script), ...login, ...action]);
  };
  return {
    exec: (login, line) => act(login, 'exec', line),
    put: (login, local, remote) => act(login, 'put', local, remote),
    get: (login, remote, local) => act(login, 'get', remote, local),
    list: (login, path) => act(login, 'list', path),
  };
}

describeWithPython('paramiko', 'python3-paramiko', 'Paramiko', () => {
  itServes(pythonClient('paramiko-client.py'));
});

describeWithPython('asyncssh', 'python3-asyncssh', 'AsyncSSH', () => {
  itServes(pythonClient('asyncssh-client.py'));
});
