import cluster from 'node:cluster';
import type { Service } from './http/service.js';

let service: Service | undefined;
let stopping = false;

// Loading the service takes a second. The handlers come first, because process 1 of a container ignores a SIGTERM that
// has no handler, and a container that is told to stop would start and be killed.
process.on('SIGTERM', () => void stop());
// Ctrl-C reaches every process of the terminal. A worker ignores it and waits for the primary's SIGTERM.
process.on('SIGINT', () => cluster.isPrimary && void stop());

const [http, { AppModule }] = await Promise.all([import('./http/service.js'), import('./app.module.js')]);
service = new http.Service((config) => AppModule.of(config));
await service.run();

/**
 * The first signal stops the service in order, or aborts a start that is waiting. A second signal ends the process at
 * once.
 */
async function stop(): Promise<void> {
  if (stopping) process.exit(1);
  stopping = true;
  if (!service) process.exit(0);
  await service.stop();
}
