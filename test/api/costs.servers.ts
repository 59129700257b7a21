import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditWriter } from '../../src/audit/audit-writer.js';
import { redisDuring, sqlDuring } from '../support/counting.js';
import { writtenCode } from '../support/fixtures.js';
import { type Answer, newMobile, newName, newQq, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
  // Redis is sent each script once. That is not a cost of a request.
  await app.shopper().register();
});

afterAll(() => app.close());

/** The round trips of a request. They are deterministic, so they are counted, not timed. */
async function costOf(action: () => Promise<unknown>): Promise<Cost> {
  await app.nest.get(AuditWriter).flush();
  const qq = upstream();
  let redis: string[][] = [];
  const sql = await sqlDuring(app.backends.env.DATABASE_URL!, async () => {
    redis = await redisDuring(app.backends.env.REDIS_URL!, action);
  });
  return {
    qq: upstream() - qq,
    sql: sql.filter((statement) => !WRITTEN_BEHIND.test(statement)),
    redis: redis.map(
      ([command = '', ...rest]) => `${command} ${rest.find((part) => /^(qq:|sms_)/.test(part)) ?? ''}`,
    ),
  };
}

interface Cost {
  readonly qq: number;
  readonly sql: string[];
  readonly redis: string[];
}

/** The audit trail's own statement, which no request waits for, and the statements of a new connection. */
const WRITTEN_BEHIND = /INTO `tb_account_event`.*'(?:logged_in|refused)'|^SET SESSION|^USE /s;
const LIMIT = /qq:limit:/;

function upstream(): number {
  const { token, me, user_info } = app.sandbox.requests;
  return token + me + user_info;
}

/** Without the commands that count limits. */
const withoutLimits = ({ redis }: Cost) => redis.filter((command) => !LIMIT.test(command));
const limitsOf = ({ redis }: Cost) => redis.filter((command) => LIMIT.test(command));

/** The cost of a second callback. The first one opens connections and sends scripts. */
async function callbackOf(shopper: Shopper, qq: string): Promise<Cost> {
  const query = await shopper.approve(await shopper.start(), qq);
  return costOf(() => shopper.get(`/oauth/qq/users/?${query}`));
}

describe('what a request costs', () => {
  it('starting a QQ login costs only its limit', async () => {
    const cost = await costOf(() => app.shopper().start());

    expect(cost).toMatchObject({ qq: 0, sql: [] });
    expect(withoutLimits(cost)).toEqual([]);
    expect(limitsOf(cost)).toHaveLength(1);
  });

  it('the login of a bound QQ costs one QQ call, one SQL statement, two Redis commands and its limit', async () => {
    const shopper = app.shopper();
    const qq = newQq();
    await shopper.bind(await shopper.bindForm({ qq }));

    const cost = await callbackOf(shopper, qq);

    expect(cost.qq).toBe(1);
    expect(cost.sql).toHaveLength(1);
    expect(withoutLimits(cost)).toHaveLength(2);
    expect(limitsOf(cost)).toHaveLength(1);
  });

  it('the callback of an unbound QQ costs one QQ call, one SQL statement, two Redis commands and its limit', async () => {
    const cost = await callbackOf(app.shopper(), newQq());

    expect(cost.qq).toBe(1);
    expect(cost.sql).toHaveLength(1);
    expect(withoutLimits(cost)).toHaveLength(2);
    expect(limitsOf(cost)).toHaveLength(1);
  });

  it('a bind to a new account costs six SQL statements, five Redis commands and three limits', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();

    const cost = await costOf(() => shopper.bind(form));

    expect(cost.qq).toBe(0);
    expect(cost.sql).toHaveLength(6);
    expect(withoutLimits(cost)).toHaveLength(5);
    expect(limitsOf(cost)).toHaveLength(3);
  });

  it('a bind to an existing account costs six SQL statements, five Redis commands and three limits', async () => {
    const shopper = app.shopper();
    const mobile = newMobile();
    const first = await shopper.bindForm({ mobile });
    await shopper.bind(first);
    await app.redis.set(`sms_${mobile}`, '135791', 'EX', 300);
    const form = await shopper.bindForm({
      ...first,
      access_token: await shopper.bindToken(),
      sms_code: '135791',
    });

    const cost = await costOf(() => shopper.bind(form));

    expect(cost.qq).toBe(0);
    expect(cost.sql).toHaveLength(6);
    expect(withoutLimits(cost)).toHaveLength(5);
    expect(limitsOf(cost)).toHaveLength(3);
  });

  it('GET /user/ costs one SQL statement and one Redis command', async () => {
    const shopper = app.shopper();
    const { body } = await shopper.bind(await shopper.bindForm());

    const cost = await costOf(() => shopper.get('/user/', body.token));

    expect(cost.sql).toHaveLength(1);
    expect(cost.redis).toHaveLength(1);
  });
});

describe('a database that is sharded by account', () => {
  /** Columns from which a sharded database finds the account's shard (docs/operations.md). */
  const KEYS = /\b(?:user_id|openid|unionid|qq_unionid|mobile|username) = /;
  const BY_ID = /^(?:SELECT .* FROM|UPDATE) tb_users\b.* WHERE .*\bid = /s;

  /** The statements, or their parts, that such a database would have to send to every shard. */
  function crossing(statements: readonly string[]): string[] {
    return statements
      .map((statement) => statement.replaceAll('`', '').trim())
      .filter((statement) => /^(?:SELECT|UPDATE|DELETE)/.test(statement))
      .flatMap((statement) => statement.split(/\bUNION\b/))
      .map((part) => part.trim())
      .filter((part) => / OR /.test(part) || !(KEYS.test(part) || BY_ID.test(part)));
  }

  it('no statement of a registration, a login, a bind or an unbinding asks more than one shard', async () => {
    const withUnionid = await startApp({ beside: app, env: { QQ_UNIONID: 'true' } });
    const [shopper, qq, unionQq] = [app.shopper(), newQq(), newQq()];
    const other = withUnionid.shopper();
    await other.bind(await other.bindForm({ qq: unionQq }));
    const form = await shopper.bindForm({ qq });
    const username = newName();
    const named = await app.shopper().register({ username });
    const sms_code = await writtenCode(app, named.mobile);
    const { mobile, password } = named;
    const login = (name: string) => shopper.post('/authorizations/', { username: name, password });
    const newcomer = newMobile();
    const registration = {
      username: newName(),
      password,
      mobile: newcomer,
      sms_code: await writtenCode(app, newcomer),
    };
    const statuses: number[] = [];
    const note = async (answer: Promise<Answer>) => {
      const { status, body } = await answer;
      statuses.push(status);
      return body;
    };

    const { sql } = await costOf(async () => {
      const { token } = await note(shopper.bind(form));
      await note(shopper.loginWithQq(qq));
      await note(other.loginWithQq(unionQq));
      await note(login(username));
      await note(login(mobile));
      await note(shopper.post('/authorizations/sms/', { mobile, sms_code }));
      await note(shopper.get('/user/', token));
      const [{ id }] = (await note(shopper.get('/oauth/qq/bindings/', token))) as unknown as [{ id: number }];
      const body = { password: form.password };
      await note(shopper.send(`/oauth/qq/bindings/${id}/`, { method: 'DELETE', token, body }));
      await note(shopper.post('/users/', registration));
    });
    await withUnionid.close();

    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 200, 200, 204, 201]);
    expect(sql.length).toBeGreaterThan(20);
    expect(crossing(sql)).toEqual([]);
  });
});
