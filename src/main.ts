import cluster from 'node:cluster';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from './config/config.js';
import type { ServiceLogger } from './http/service-logger.js';
import type { Workers } from './http/workers.js';

let logger: ServiceLogger | undefined;
let app: NestFastifyApplication | undefined;
let workers: Workers | undefined;

// Loading the service takes a second. The handlers come first, because process 1 of a container ignores a SIGTERM that
// has no handler, and a container that is told to stop would start and be killed.
stopOnSignals();
const [
  { Logger },
  { NestFactory },
  { AppModule },
  { describeError, stackOf },
  { OperatorError },
  { VERSION },
  { loadEnvFile },
  { withKeptSecret },
  { loadConfig },
  { createAdapter },
  { releaseBootMemory },
  { serveWorkerMetrics },
  { configureApp, listen },
  { createLogger },
  { stop },
  { Workers: WorkerProcesses },
] = await Promise.all([
  import('@nestjs/common'),
  import('@nestjs/core'),
  import('./app.module.js'),
  import('./common/describe-error.js'),
  import('./common/operator-error.js'),
  import('./common/version.js'),
  import('./config/env-file.js'),
  import('./config/kept-secret.js'),
  import('./config/load-config.js'),
  import('./http/adapter.js'),
  import('./http/boot-memory.js'),
  import('./http/metrics-server.js'),
  import('./http/server.js'),
  import('./http/service-logger.js'),
  import('./http/shutdown.js'),
  import('./http/workers.js'),
]);
try {
  // `npm run start:prod` passes an argument, because Windows has no `NODE_ENV=production node …`. The argument wins
  // over the variable.
  if (process.argv.includes('--production')) process.env.NODE_ENV = 'production';
  loadEnvFile();
  const config = loadConfig(withKeptSecret(process.env));
  logger = await createLogger(config);
  if (config.WEB_CONCURRENCY > 1 && cluster.isPrimary) {
    Logger.overrideLogger(logger);
    await serveWorkerMetrics(config);
    workers = new WorkerProcesses(config);
    process.exit(await workers.run());
  }
  const starting = await NestFactory.create<NestFastifyApplication>(
    AppModule.of(config),
    createAdapter(config),
    { logger, abortOnError: false },
  );
  await configureApp(starting);
  app = starting;
  await listen(app);
  releaseBootMemory();
  reportStart(config, await app.getUrl());
} catch (error) {
  await reportFailure(error);
  process.exit(1);
}

/**
 * The first signal stops the service in order, or aborts a start that is waiting. A second signal ends the process at
 * once.
 */
function stopOnSignals(): void {
  let stopping = false;
  const onSignal = async (): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    // This process exits after its workers.
    if (workers) return workers.stop();
    const closed = app ? await stop(app) : true;
    logger?.flush();
    process.exit(closed ? 0 : 1);
  };
  process.on('SIGTERM', () => void onSignal());
  // Ctrl-C reaches every process of the terminal. A worker ignores it and waits for the primary's SIGTERM.
  process.on('SIGINT', () => cluster.isPrimary && void onSignal());
}

function reportStart({ LIMITS, NODE_ENV }: Config, address: string): void {
  new Logger('Service').log('Service started', {
    node: process.versions.node,
    environment: NODE_ENV,
    address,
    changedLimits: LIMITS,
  });
}

/** Reports an operator's mistake by its sentence, and any other error, which is our fault, with its stack. */
async function reportFailure(error: unknown): Promise<void> {
  const production = process.env.NODE_ENV === 'production';
  if (!production) return console.error(error instanceof OperatorError ? error.message : error);
  logger ??= await createLogger({ LOG_LEVEL: 'info', production });
  if (error instanceof OperatorError) logger.fatal(error.message);
  else
    logger.fatal(
      'Service could not start',
      { cause: describeError(error), version: VERSION },
      stackOf(error),
    );
  logger.flush();
}
