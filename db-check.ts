import dataSource from './ormconfig.js';
import { checkDatabase } from './src/database/db-check.js';

/** `npm run db:check`: exits with 1 if `npm run db:migrate` would stop. */
try {
  await dataSource.initialize();
  const { report, blocked } = await checkDatabase(dataSource);
  console.log(report);
  process.exitCode = blocked ? 1 : 0;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  if (dataSource.isInitialized) await dataSource.destroy();
}
