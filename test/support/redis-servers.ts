import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { vi } from 'vitest';
import { freePort, startServer, redisProgram, type RunningServer, startRedis } from './servers.js';

/** A cluster's internal ports are this far above the ports for clients. */
const BUS_OFFSET = 10_000;
const HIGHEST_PORT = 65_535;
const SLOTS = 16_384;

export interface RunningGroup {
  /** The service's `REDIS_URL`. */
  readonly url: string;
  /** Stopping one kills it. */
  readonly servers: readonly RunningServer[];
  stop(): Promise<void>;
}

/** Starts a primary with a replica, and three Sentinels that watch them. */
export async function startSentinels(group = 'mymaster'): Promise<RunningGroup> {
  const program = programOrThrow();
  const primary = await startRedis(program);
  const port = portOf(primary);
  const replica = await startRedis(program, ['--replicaof', '127.0.0.1', String(port)]);
  const sentinels = await Promise.all(
    [1, 2, 3].map(() =>
      startServer(async (directory, sentinelPort) => {
        const file = join(directory, 'sentinel.conf');
        const lines = [
          `port ${sentinelPort}`,
          'bind 127.0.0.1',
          `dir ${directory}`,
          `sentinel monitor ${group} 127.0.0.1 ${port} 2`,
          `sentinel down-after-milliseconds ${group} 1000`,
          `sentinel failover-timeout ${group} 2000`,
        ];
        writeFileSync(file, `${lines.join('\n')}\n`);
        const url = `redis://127.0.0.1:${sentinelPort}`;
        return { command: [program, file, '--sentinel'], probe: async () => probe(url) };
      }),
    ),
  );
  // A failover needs Sentinels that know each other, and a replica that has caught up.
  for (const { url } of sentinels)
    await asAdmin(url, (sentinel) =>
      vi.waitFor(
        async () => {
          const fields = (await sentinel.call('SENTINEL', 'MASTER', group)) as string[];
          const field = (name: string) => fields[fields.indexOf(name) + 1];
          if (field('num-other-sentinels') !== '2' || field('num-slaves') !== '1')
            throw new Error('The Sentinels do not know each other yet');
        },
        { timeout: 30_000, interval: 100 },
      ),
    );
  const servers = [primary, replica, ...sentinels];
  return {
    url: `redis+sentinel://${sentinels.map((sentinel) => `127.0.0.1:${portOf(sentinel)}`).join()}/${group}/0`,
    servers,
    stop: () => stopAll(servers),
  };
}

/** Starts a cluster of three primaries, each with a third of the slots. */
export async function startCluster(): Promise<RunningGroup> {
  const program = programOrThrow();
  const servers = await Promise.all(
    [1, 2, 3].map(() =>
      startServer(async (directory) => {
        const port = await portWithBus();
        const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
        options.push('--cluster-enabled', 'yes', '--cluster-node-timeout', '2000');
        const url = `redis://127.0.0.1:${port}`;
        return { command: [program, ...options], probe: async () => probe(url) };
      }),
    ),
  );
  const ports = servers.map(portOf);
  for (const [index, { url }] of servers.entries())
    await asAdmin(url, async (node) => {
      const [from, to] = [index, index + 1].map((nth) => Math.floor((nth * SLOTS) / servers.length));
      await node.call('CLUSTER', 'ADDSLOTSRANGE', from!, to! - 1);
      await node.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      if (index > 0) await node.call('CLUSTER', 'MEET', '127.0.0.1', ports[0]!);
    });
  for (const { url } of servers)
    await asAdmin(url, (node) =>
      vi.waitFor(
        async () => {
          if (!String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
            throw new Error('The cluster is not complete yet');
        },
        { timeout: 30_000, interval: 50 },
      ),
    );
  return { url: servers.map(({ url }) => url).join(), servers, stop: () => stopAll(servers) };
}

async function stopAll(servers: readonly RunningServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}

function programOrThrow(): string {
  const program = redisProgram();
  if (!program) throw new Error('This needs redis-server or valkey-server on the PATH');
  return program;
}

async function portWithBus(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port + BUS_OFFSET <= HIGHEST_PORT) return port;
  }
}

const portOf = ({ url }: RunningServer): number => Number(new URL(url).port);

async function probe(url: string) {
  await asAdmin(url, (server) => server.ping());
  return { url, label: 'Redis' };
}

async function asAdmin<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: 2000 });
  redis.on('error', () => undefined); // connect() says it too
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** The keys of a server or of all nodes of a cluster. */
export async function keysOf(redis: Redis | Cluster, pattern: string): Promise<string[]> {
  const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis];
  return (await Promise.all(nodes.map((node) => node.keys(pattern)))).flat();
}
