import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openidOf } from '../../sandbox/people.js';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import { AuditRows } from '../../src/audit/audit-event.js';
import { AuditWriter } from '../../src/audit/audit-writer.js';
import { sqlDuring } from '../support/counting.js';
import { writtenCode } from '../support/fixtures.js';
import { newQq } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

const LOGINS = 5000;

let app: App;
/** The same service after a change of its secret. */
let changed: App;

beforeAll(async () => {
  app = await startApp();
  const JWT_SECRET = 'the-next-secret-for-tests-0123456789-abcdefg';
  app.logRecorder.keep(JWT_SECRET);
  changed = await startApp({
    beside: app,
    env: { JWT_SECRET, JWT_SECRET_PREVIOUS: app.config.JWT_SECRET },
  });
});

afterAll(async () => {
  await changed.close();
  await app.close();
});

/** The rows of tables and indexes that these statements read. */
async function rowsRead(statements: readonly string[]): Promise<number> {
  const connection = await mysql.createConnection(app.backends.env.DATABASE_URL!);
  try {
    await connection.query('FLUSH STATUS');
    for (const statement of statements) await connection.query(statement);
    const [rows] = await connection.query<mysql.RowDataPacket[]>(
      "SHOW SESSION STATUS LIKE 'Handler\\_read\\_%'",
    );
    return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
  } finally {
    await connection.end();
  }
}

/** Adds earlier logins of this QQ, or without a QQ. */
async function history(userId: number, hash: string | null): Promise<void> {
  const events = app.dataSource.getRepository(AccountEvent);
  const login = { at: new Date(), userId, event: 'logged_in', via: 'qq', openidHash: hash };
  for (let left = LOGINS; left > 0; left -= 1000)
    await events.insert(Array.from({ length: 1000 }, () => ({ ...login })));
}

describe('the list of QQs', () => {
  it.each(['one secret', 'a change of the secret'])(
    'the list of QQs reads the same number of rows, however often the account has logged in: with %s',
    async (secret) => {
      const service = secret === 'one secret' ? app : changed;
      const [shopper, qq, unused] = [app.shopper(), newQq(), newQq()];
      const form = await shopper.bindForm({ qq });
      const { token, user_id: id } = (await shopper.bind(form)).body;
      const adding = {
        access_token: await shopper.bindToken(unused),
        password: form.password,
        sms_code: await writtenCode(app, form.mobile),
      };
      expect((await shopper.post('/oauth/qq/bindings/', adding, token)).status).toBe(201);
      const openid = openidOf(app.config.QQ_APP_ID, qq);
      const hashes = new AuditRows(service.config).hashesOf(openid);
      const list = async () => {
        await app.nest.get(AuditWriter).flush();
        const statements = await sqlDuring(app.backends.env.DATABASE_URL!, async () => {
          const { status, body } = await service.shopper().get('/oauth/qq/bindings/', token);
          expect([status, (body as unknown as unknown[]).length]).toEqual([200, 2]);
        });
        // The others look a row up by its key. (MariaDB does not always write their values to its log.)
        const onTheTrail = statements.filter((statement) => /^SELECT.*tb_account_event/.test(statement));
        expect(onTheTrail.length).toBeGreaterThanOrEqual(2);
        return rowsRead(onTheTrail);
      };
      for (const hash of [...hashes, null]) await history(id, hash);
      await app.dataSource.query('ANALYZE TABLE tb_account_event');

      expect(await list()).toBeLessThan(100);
    },
  );
});
