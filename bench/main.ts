// Measures the service together with what bounds it, in one run: machines differ and are noisy, so only ratios can be
// compared.
//
// npm run bench                  every row, median of three rounds (about twenty minutes)
// npm run bench -- --quick       one short round
// npm run bench -- --write       writes the table into docs/performance.md, and in Chinese beside it
// npm run bench -- --soak 10     resident memory after one and after ten minutes of load
// npm run bench -- --profile     CPU time of each hot path
// npm run bench -- --growth      every hot statement at 1,000,000 accounts and 10,000,000 audit rows
// npm run bench -- --checks      what a hundred SMS cost a program with each human check
import { availableParallelism } from 'node:os';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { writeIntoDocuments } from './documents.js';
import { growth } from './growth.js';
import { humanChecks } from './human-checks.js';
import { Load, startScript } from './processes.js';
import { profile } from './profile.js';
import { type Measured, rowsOf, tableOf } from './report.js';
import { Rounds } from './rounds.js';
import { Shop } from './shop.js';
import { soak } from './soak.js';

/** More than the binds of one row: the SMS code of a mobile is good for one of them. */
const ACCOUNTS = 5000;
const RESULT = '.data/bench.json';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    soak: { type: 'string' },
    checks: { type: 'boolean', default: false },
    growth: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
});

if (options.checks) {
  await humanChecks();
  process.exit();
}

const shop = await Shop.open();
const qq = await startScript('qq-stand-in');
const loads = [new Load(), new Load()] as const;
try {
  console.log(`Node ${process.version}, ${availableParallelism()} cores, ${shop.label}`);
  await shop.grow(ACCOUNTS, 10);
  if (options.growth) await growth(shop, qq);
  else if (options.profile) await profile({ shop, qq, loads, accounts: ACCOUNTS });
  else if (options.soak !== undefined)
    await soak({ shop, qq, loads, accounts: ACCOUNTS }, Number(options.soak));
  else await benchmark();
} finally {
  await Promise.all([...loads, qq].map((one) => one.stop()));
  await shop.close();
}

async function benchmark(): Promise<void> {
  const [count, seconds] = options.quick ? [1, 2] : [3, 4];
  const rounds = new Rounds({ shop, qq, loads, accounts: ACCOUNTS }, seconds);
  const measured: Measured[] = [];
  for (let round = 1; round <= count; round++) {
    console.log(`round ${round} of ${count}`);
    measured.push(await rounds.run());
  }
  const rows = rowsOf(measured);
  const table = tableOf(rows);
  console.log(`\n${table}`);
  if (options.write) writeIntoDocuments('docs', sectionOf(table));
  mkdirSync('.data', { recursive: true });
  writeFileSync(
    RESULT,
    JSON.stringify({ node: process.version, at: new Date(), servers: shop.label, rows, measured }, null, 2),
  );
  console.log(`\n${RESULT} has every round.`);
}

/** The line about this run, and the table. */
function sectionOf(table: string): string {
  const { quick } = options;
  const head = `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${availableParallelism()} cores, ${shop.label}, ${quick ? 'one short round' : 'median of three rounds'}.`;
  return `${head}\n\n${table}`;
}
