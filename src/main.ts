import { ConsoleLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { OperatorError } from './common/operator-error.js';
import { loadEnvFile } from './config/env-file.js';
import { withKeptSecret } from './config/kept-secret.js';
import { loadConfig } from './config/load-config.js';
import { configureApp, createAdapter, listen } from './http/server.js';

/** Nest logs what stops it from starting with causes that quote the configuration; this file reports it instead. */
class ServiceLogger extends ConsoleLogger {
  override error(message: unknown, ...more: unknown[]): void {
    if (more.at(-1) !== 'ExceptionHandler') super.error(message, ...more);
  }
}

try {
  // `npm run start:prod`: an argument, because Windows has no `NODE_ENV=production node …`. The variable of that name loses.
  if (process.argv.includes('--production')) process.env.NODE_ENV = 'production';
  loadEnvFile();
  const config = loadConfig(withKeptSecret(process.env));
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(config), createAdapter(config), {
    logger: new ServiceLogger({ json: config.production }),
    abortOnError: false,
  });
  await configureApp(app);
  await listen(app);
} catch (error) {
  // What the operator can correct is a sentence; a stack belongs to a fault of ours.
  console.error(error instanceof OperatorError ? error.message : error);
  process.exit(1);
}
