// Imported before anything else by what begins a program: Node.js opens its debugger, which lets anybody who reaches its port run
// anything, when SIGUSR1 comes and nobody listens for it.
process.on('SIGUSR1', () => {});
