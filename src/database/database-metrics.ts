import { Counter, Gauge } from 'prom-client';

/** What the metrics read of a data source's connections. Read when they are scraped, not at every statement. */
export interface ConnectionUsage {
  readonly used: number;
  readonly idle: number;
  readonly waiting: number;
}

const sources = new Set<() => ConnectionUsage>();

const usage = new Gauge({
  name: 'qq_account_database_connections',
  help: 'Database connections in use and idle, and callers waiting for one',
  labelNames: ['state'],
  collect: () => {
    const all = [...sources].map((read) => read());
    for (const state of ['used', 'idle', 'waiting'] as const)
      usage.set(
        { state },
        all.reduce((sum, one) => sum + one[state], 0),
      );
  },
});

/** Statements and connections that failed because of the database's state, by error code. */
export const databaseErrors = new Counter({
  name: 'qq_account_database_errors_total',
  help: 'Statements and connections that the state of the database failed, by error code',
  labelNames: ['code'],
});

/** Counts these connections from now on. The returned function stops it. */
export function watchUsage(read: () => ConnectionUsage): () => void {
  sources.add(read);
  return () => sources.delete(read);
}
