import { startChild } from './child.mjs';

/**
 * A proxy before a port of this machine, without a limit of bandwidth. `take()` tells how many bytes clients sent and
 * received since it was asked last.
 * @param roundTripMs what it adds to every round trip.
 */
export async function startLink(port, roundTripMs) {
  const child = await startChild('link', port, roundTripMs / 2);
  return { port: child.ready.port, take: () => child.ask('take'), stop: child.stop };
}

/** One link for each server that the ways use. @returns the port by which a way reaches its server, and the links. */
export async function linksBefore(ways, roundTripMs) {
  const links = new Map();
  for (const { server } of ways) {
    if (!links.has(server.port)) links.set(server.port, await startLink(server.port, roundTripMs));
  }
  return {
    before: (way) => links.get(way.server.port),
    stop: async () => {
      for (const link of links.values()) await link.stop();
    },
  };
}
