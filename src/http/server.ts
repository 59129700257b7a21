import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Refusals } from '../audit/refusals.js';
import { OperatorError } from '../common/operator-error.js';
import { Config } from '../config/config.js';
import { limitRequests } from './adapter.js';
import { readBodies } from './body-parsers.js';
import { EventLoopLoad } from './event-loop-load.js';
import { sendHeaders } from './headers.js';
import { answerInLanguage } from './language.js';
import { allowCors, refuseForeignOrigins } from './origins.js';
import { measureRequests } from './metrics.js';
import { servePages } from './pages.js';
import { ProblemFilter } from './problem.filter.js';
import { answerInTime } from './request-deadline.js';
import { logRequests } from './request-log.js';
import { endConnectionsWhenStopping } from './shutdown.js';
import { setUpDocs } from './swagger.js';
import { DtoPipe } from './validation.js';

/** Sets up everything between the network and the controllers, in the order in which a request passes it. */
export async function configureApp(app: NestFastifyApplication): Promise<NestFastifyApplication> {
  const config = app.get(Config);
  const fastify = app.getHttpAdapter().getInstance();
  for (const warning of config.warnings) new Logger('Config').warn(warning);
  const load = new EventLoopLoad();
  answerInTime(fastify, load);
  logRequests(fastify);
  if (config.METRICS_PORT !== undefined) measureRequests(app);
  sendHeaders(fastify, config);
  await allowCors(app, config);
  refuseForeignOrigins(app, config);
  limitRequests(fastify);
  readBodies(app);
  answerInLanguage(app);
  endConnectionsWhenStopping(app);
  app.useGlobalPipes(new DtoPipe());
  app.useGlobalFilters(new ProblemFilter(app.get(Refusals), load));
  if (config.DOCS) setUpDocs(app);
  if (config.PAGES) await servePages(app);
  return app;
}

/** @throws OperatorError when the service cannot listen on the address */
export async function listen(app: NestFastifyApplication): Promise<void> {
  const { HOST, PORT } = app.get(Config);
  try {
    await app.listen(PORT, HOST);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new OperatorError(`PORT: ${PORT} is in use by another program: stop it, or set PORT`);
    if (code === 'EACCES')
      throw new OperatorError(`PORT: ${PORT} needs more rights than this process has: set another PORT`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new OperatorError('HOST: this machine does not have that address');
    throw error;
  }
}
