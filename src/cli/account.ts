import { userInfo } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../app.module.js';
import { maskMobile } from '../common/mobile.js';
import { OperatorError } from '../common/operator-error.js';
import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';
import { loadEnvFile } from '../config/env-file.js';
import { withKeptSecret } from '../config/kept-secret.js';
import { loadConfig } from '../config/load-config.js';
import { DatabaseReadiness } from '../database/database-readiness.js';
import { OAuthModule } from '../oauth/oauth.module.js';
import { UsersModule } from '../users/users.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { AccountDesk, AccountFile } from './account-desk.js';
import { Account } from '../users/users.service.js';

const USAGE = `npm run account -- <command> <mobile, name or id> [--qq <binding id>] [--operator <name>] [--yes]

  find      accounts that it may mean
  show      the account, its QQs, its last events
  disable   no login by any way, older logins end       enable    the opposite
  sign-out  ends every login                            unlock    lifts limits on its password and SMS codes
  unbind    removes a QQ (--qq, an id that show lists)  close     for good: QQs, logins, mobile and name go

Every change is in the account's trail with the operator's name (--operator, otherwise the system's user).`;

@Module({ imports: [AuditModule, OAuthModule, UsersModule], providers: [AccountDesk] })
class DeskModule {}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { operator: { type: 'string' }, qq: { type: 'string' }, yes: { type: 'boolean', default: false } },
});
const [command = '', wanted = ''] = positionals;

try {
  process.exitCode = await run();
} catch (error) {
  const known = error instanceof OperatorError || error instanceof Problem;
  console.error(known ? error.message : error);
  process.exitCode = 1;
}

/** Runs the command and returns the exit code. */
async function run(): Promise<number> {
  const changes: Record<string, (desk: AccountDesk, account: Account, operator: string) => Promise<void>> = {
    disable: async (desk, account, operator) => desk.disable(account, operator),
    enable: async (desk, account, operator) => desk.enable(account, operator),
    'sign-out': async (desk, account, operator) => desk.signOut(account, operator),
    unbind: async (desk, account, operator) => desk.unbind(account, bindingId(), operator),
    unlock: async (desk, account) => desk.unlock(account),
    close: async (desk, account, operator) => desk.close(account, operator),
  };
  if (!wanted || !(command === 'find' || command === 'show' || Object.hasOwn(changes, command))) {
    console.error(USAGE);
    return 1;
  }
  // Refused before anything is asked.
  if (command === 'unbind') bindingId();
  loadEnvFile();
  const config = loadConfig(withKeptSecret(process.env));
  const app = await NestFactory.createApplicationContext(moduleOf(config), {
    logger: ['warn', 'error'],
    abortOnError: false,
  });
  try {
    await refuseUnready(app.get(DatabaseReadiness));
    const desk = app.get(AccountDesk);
    const found = await desk.find(wanted);
    if (found.length === 0) throw new OperatorError(`No account has the mobile, name or id ${wanted}`);
    if (command === 'find') return print(found.map(line));
    if (found.length > 1)
      throw new OperatorError(`More than one account; say its id:\n${found.map(line).join('\n')}`);
    const account = found[0]!;
    if (command === 'show') return print(file(await desk.show(account)));
    if (!(await confirmed(account))) return print(['Nothing was changed.']);
    await changes[command]!(desk, account, values.operator ?? userInfo().username);
    return print([`Done: ${command} ${line(account)}`]);
  } finally {
    await app.close();
  }
}

/** @throws OperatorError that says why a change would fail */
async function refuseUnready(database: DatabaseReadiness): Promise<void> {
  try {
    await database.check();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new OperatorError(`DATABASE_URL: the database is not ready: ${(error.cause as Error).message}`);
  }
}

/** The service's modules, without anything that listens on a port. */
function moduleOf(config: Config) {
  const quiet = Object.assign(Object.create(Config.prototype) as Config, config, { METRICS_PORT: undefined });
  const { imports = [] } = AppModule.of(Object.freeze(quiet));
  return { module: DeskModule, imports };
}

function bindingId(): number {
  if (!/^\d{1,9}$/.test(values.qq ?? '')) throw new OperatorError('unbind needs --qq <id>, as show lists it');
  return Number(values.qq);
}

async function confirmed(account: Account): Promise<boolean> {
  if (values.yes) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${command} ${line(account)}? [y/N] `);
  terminal.close();
  return /^y(?:es)?$/i.test(answer.trim());
}

function print(lines: readonly string[]): number {
  console.log(lines.join('\n'));
  return 0;
}

function line({ id, username, mobile, isActive }: Account): string {
  return `${id}  ${username}  ${maskMobile(mobile)}  ${isActive ? 'active' : 'disabled'}`;
}

function file({ account, qqs, events }: AccountFile): string[] {
  return [
    line(account),
    ...qqs.map(
      ({ id, createTime, nickname, openid }) =>
        `  QQ ${id}  bound ${createTime.toISOString()}  ${nickname ?? ''}  openid ends ${openid.slice(-4)}`,
    ),
    ...events.map(
      ({ at, event, via, reason, ip, detail }) =>
        `  ${at.toISOString()}  ${[event, via, reason, ip, detail].filter(Boolean).join('  ')}`,
    ),
  ];
}
