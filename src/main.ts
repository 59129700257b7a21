import { existsSync } from 'node:fs';
import { ConsoleLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { configureApp, createAdapter } from './http/server.js';
import { loadConfig } from './config/config.js';

/** Nest writes down whatever stops it from starting, with causes that quote the configuration; we say it below. */
class ServiceLogger extends ConsoleLogger {
  override error(message: unknown, ...more: unknown[]): void {
    if (more.at(-1) !== 'ExceptionHandler') super.error(message, ...more);
  }
}

try {
  if (existsSync('.env')) process.loadEnvFile();
  const config = loadConfig(process.env);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(config), createAdapter(config), {
    logger: new ServiceLogger({ json: config.production }),
    abortOnError: false,
  });
  await configureApp(app);
  await app.listen(config.PORT, config.HOST);
} catch (error) {
  // What the operator can mend is one sentence; a stack belongs to a fault of ours.
  console.error(
    error instanceof Error && /^[A-Z]\w+ refused|^[A-Z_]+:/.test(error.message) ? error.message : error,
  );
  process.exit(1);
}
