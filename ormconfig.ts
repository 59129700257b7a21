import { existsSync } from 'node:fs';
import { databaseOptions, ShopDataSource } from './src/database.js';

if (existsSync('.env')) process.loadEnvFile();

const { DATABASE_URL, NODE_ENV } = process.env;
if (!DATABASE_URL && NODE_ENV === 'production') throw new Error('DATABASE_URL: is required in production');
const options = databaseOptions({ DATABASE_URL: DATABASE_URL || undefined });

/**
 * For the TypeORM command line, `-d dist/ormconfig.js`. It wants DATABASE_URL and nothing else of the
 * configuration, so that migrating needs no key of QQ's. An index on a big table takes its time: no query timeout.
 */
export default new ShopDataSource(
  options.type === 'mysql'
    ? { ...options, enableQueryTimeout: false, maxQueryExecutionTime: undefined }
    : options,
);
