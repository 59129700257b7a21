import cluster from 'node:cluster';
import { DynamicModule, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { describeError, stackOf } from '../common/describe-error.js';
import { OperatorError } from '../common/operator-error.js';
import { VERSION } from '../common/version.js';
import { Config } from '../config/config.js';
import { loadEnvFile } from '../config/env-file.js';
import { withKeptSecret } from '../config/kept-secret.js';
import { loadConfig } from '../config/load-config.js';
import { createAdapter } from './adapter.js';
import { releaseBootMemory } from './boot-memory.js';
import { serveWorkerMetrics } from './metrics-server.js';
import { configureApp, listen } from './server.js';
import { createLogger, ServiceLogger } from './service-logger.js';
import { stop } from './shutdown.js';
import { Workers } from './workers.js';

/** This process from its configuration to its exit: the application, or the primary of several workers. */
export class Service {
  private logger?: ServiceLogger;
  private app?: NestFastifyApplication;
  private workers?: Workers;

  constructor(private readonly moduleFor: (config: Config) => DynamicModule) {}

  /** Starts, and reports why it cannot. Exits with 1 then, and after its workers have ended. */
  async run(): Promise<void> {
    try {
      // `npm run start:prod` passes an argument, because Windows has no `NODE_ENV=production node …`. The argument wins
      // over the variable.
      if (process.argv.includes('--production')) process.env.NODE_ENV = 'production';
      loadEnvFile();
      const config = loadConfig(withKeptSecret(process.env));
      this.logger = await createLogger(config);
      if (config.WEB_CONCURRENCY > 1 && cluster.isPrimary) await this.runWorkers(config, this.logger);
      else await this.runApp(config, this.logger);
    } catch (error) {
      await this.reportFailure(error);
      process.exit(1);
    }
  }

  /** Stops in order and exits. Without an application yet, exits at once. */
  async stop(): Promise<void> {
    // This process exits after its workers.
    if (this.workers) return this.workers.stop();
    const closed = this.app ? await stop(this.app) : true;
    this.logger?.flush();
    process.exit(closed ? 0 : 1);
  }

  private async runWorkers(config: Config, logger: ServiceLogger): Promise<never> {
    Logger.overrideLogger(logger);
    await serveWorkerMetrics(config);
    this.workers = new Workers(config);
    process.exit(await this.workers.run());
  }

  private async runApp(config: Config, logger: ServiceLogger): Promise<void> {
    const app = await NestFactory.create<NestFastifyApplication>(
      this.moduleFor(config),
      createAdapter(config),
      { logger, abortOnError: false },
    );
    await configureApp(app);
    this.app = app;
    await listen(app);
    releaseBootMemory();
    reportStart(config, await app.getUrl());
  }

  /** Reports an operator's mistake by its sentence, and any other error, which is a bug, with its stack. */
  private async reportFailure(error: unknown): Promise<void> {
    const production = process.env.NODE_ENV === 'production';
    if (!production) return console.error(error instanceof OperatorError ? error.message : error);
    const logger = this.logger ?? (await createLogger({ LOG_LEVEL: 'info', production }));
    if (error instanceof OperatorError) logger.fatal(error.message);
    else
      logger.fatal(
        'Service could not start',
        { cause: describeError(error), version: VERSION },
        stackOf(error),
      );
    logger.flush();
  }
}

function reportStart({ LIMITS, NODE_ENV }: Config, address: string): void {
  new Logger('Service').log('Service started', {
    node: process.versions.node,
    environment: NODE_ENV,
    address,
    changedLimits: LIMITS,
  });
}
