import { AdvancedConsoleLogger } from 'typeorm';
import { OperatorError } from './src/common/operator-error.js';
import { loadEnvFile } from './src/config/env-file.js';
import { ShopDataSource } from './src/database/data-source.js';
import { databaseOptions } from './src/database/database-options.js';

loadEnvFile();

const { DATABASE_URL, NODE_ENV } = process.env;
if (!DATABASE_URL && NODE_ENV === 'production')
  throw new OperatorError('DATABASE_URL: is required in production');

/**
 * For the TypeORM command line, `-d dist/ormconfig.js`. It reads only DATABASE_URL, so that migrating needs no key of
 * QQ's.
 */
export default new ShopDataSource({
  ...databaseOptions({ DATABASE_URL: DATABASE_URL || undefined }),
  // No limit: adding an index to a large table takes long.
  maxQueryExecutionTime: undefined,
  // Logs what is done, without the statements: a container's terminal is a log.
  logger: new AdvancedConsoleLogger(['schema', 'migration']),
});
