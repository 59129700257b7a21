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
 * For the TypeORM command line, `-d dist/ormconfig.js`. It wants DATABASE_URL and nothing else of the
 * configuration, so that migrating needs no key of QQ's.
 */
export default new ShopDataSource({
  ...databaseOptions({ DATABASE_URL: DATABASE_URL || undefined }),
  // An index on a big table takes its time.
  maxQueryExecutionTime: undefined,
  // What is done, without the statements: the terminal of a container is a log.
  logger: new AdvancedConsoleLogger(['schema', 'migration']),
});
