// The servers that ours is compared with: the same login and bind with node:http, mysql2 and ioredis. They must not be
// used: they have no validation, no log and no error shape.
//
// As it is, it does the round trips that the promises of docs/http-api.md need: a limit by address, one outcome for a
// repeated callback, a receipt for a repeated bind, counted tries of a code, a locked account, the audit trail. With
// `FEWEST=1` it does without them: what is left is a signed, single-use state, a signed token, one transaction, and an
// SMS code that is spent before the commit.
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import bcrypt from 'bcrypt';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { Pool } from 'undici';

const { DATABASE_URL, REDIS_URL, QQ_BASE_URL, JWT_SECRET, BCRYPT_COST } = process.env as Record<
  string,
  string
>;
const fewest = process.env.FEWEST === '1';

const database = mysql.createPool({ uri: DATABASE_URL!, connectionLimit: 20, timezone: 'Z' });
const redis = new Redis(REDIS_URL!, { enableAutoPipelining: true });
const qq = new Pool(QQ_BASE_URL!, { connections: 64 });
const HEAD = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');
const BY_OPENID =
  'SELECT u.id, u.username, u.email, u.is_active FROM tb_oauth_qq q JOIN tb_users u ON u.id = q.user_id WHERE q.openid = ?';
const BY_MOBILE = 'SELECT id, username, email, password, is_active FROM tb_users WHERE mobile = ?';
const BY_ID = 'SELECT id, username, mobile, email, email_active, is_active FROM tb_users WHERE id = ?';
const ADD_USER = `INSERT INTO tb_users (password, is_superuser, username, first_name, last_name, email, is_staff,
  is_active, date_joined, mobile, email_active) VALUES (?, 0, ?, '', '', '', 0, 1, UTC_TIMESTAMP(6), ?, 0)`;
const ADD_QQ =
  'INSERT INTO tb_oauth_qq (create_time, update_time, openid, user_id) VALUES (UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), ?, ?)';
const LOCK = 'SELECT password, is_active FROM tb_users WHERE id = ? FOR UPDATE';
const EVENT = '(UTC_TIMESTAMP(6), ?, ?, ?, ?, ?)';
const ADD_EVENTS = 'INSERT INTO tb_account_event (at, user_id, event, openid_hash, ip, request_id) VALUES ';
redis.defineCommand('spend', {
  numberOfKeys: 1,
  lua: `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('DEL', KEYS[1])`,
});

redis.defineCommand('count', {
  numberOfKeys: 1,
  lua: `local count = redis.call('INCR', KEYS[1])
    if count == 1 then redis.call('EXPIRE', KEYS[1], 60) end
    return count`,
});
redis.defineCommand('claim', {
  numberOfKeys: 1,
  lua: `local stored = redis.call('GET', KEYS[1])
    if stored then return stored end
    redis.call('SET', KEYS[1], ARGV[1], 'EX', 600)
    return ''`,
});
redis.defineCommand('tryCode', {
  numberOfKeys: 1,
  lua: `local code = redis.call('GET', KEYS[1])
    if not code then return '' end
    redis.call('HINCRBY', 'bench:tries:' .. KEYS[1], 'tries', 1)
    redis.call('EXPIRE', 'bench:tries:' .. KEYS[1], 300)
    return code`,
});
redis.defineCommand('receipt', {
  numberOfKeys: 1,
  lua: `redis.call('HSET', KEYS[1], 'receipt', ARGV[1])
    return redis.call('EXPIRE', KEYS[1], 3600)`,
});
interface Scripts {
  spend(key: string, code: string): Promise<number>;
  count(key: string): Promise<number>;
  claim(key: string, value: string): Promise<string>;
  tryCode(key: string): Promise<string>;
  receipt(key: string, value: string): Promise<number>;
}
const scripts = redis as Redis & Scripts;

/** Events of logins, written behind the answers. */
let events: (string | number)[][] = [];
setInterval(() => {
  if (events.length === 0) return;
  void database.query(ADD_EVENTS + events.map(() => EVENT).join(), events.flat());
  events = [];
}, 500);

interface Account extends mysql.RowDataPacket {
  readonly id: number;
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

const mac = (text: string): string => createHmac('sha256', JWT_SECRET!).update(text).digest('base64url');
const now = (): number => Math.floor(Date.now() / 1000);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function sign(claims: object): string {
  const text = `${HEAD}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${text}.${mac(text)}`;
}

interface Claims {
  readonly exp: number;
  readonly user_id: number;
  readonly openid: string;
  readonly browser: string;
}

function verify(token: string): Claims {
  const end = token.lastIndexOf('.');
  if (mac(token.slice(0, end)) !== token.slice(end + 1)) throw new Error('forged');
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Claims;
  if (claims.exp < now()) throw new Error('expired');
  return claims;
}

const loginToken = ({ id, username, email }: Pick<Account, 'id' | 'username' | 'email'>): string =>
  sign({ user_id: id, username, email, iat: now(), exp: now() + 86_400 });

const cookieOf = (request: IncomingMessage): string => request.headers.cookie?.split('=')[1] ?? '';

const addressOf = (request: IncomingMessage): string => String(request.headers['x-forwarded-for']);

async function limit(whom: string): Promise<void> {
  if (!fewest && (await scripts.count(`bench:limit:${whom}`)) > 100_000_000) throw new Error('limit');
}

async function start(request: IncomingMessage, response: ServerResponse): Promise<object> {
  await limit(addressOf(request));
  const browser = cookieOf(request) || randomBytes(16).toString('base64url');
  const claims = `${randomBytes(16).toString('base64url')}.${now() + 600}`;
  response.setHeader('Set-Cookie', `qq_login=${browser}; Max-Age=4200; Path=/; HttpOnly; SameSite=Lax`);
  return { login_url: `${QQ_BASE_URL}/oauth2.0/authorize?state=${claims}.${mac(claims + browser)}` };
}

async function callback(request: IncomingMessage): Promise<object> {
  await limit(addressOf(request));
  const query = new URLSearchParams(request.url!.slice(request.url!.indexOf('?')));
  const [nonce = '', expiry = '', signature] = query.get('state')!.split('.');
  const browser = cookieOf(request);
  if (mac(`${nonce}.${expiry}${browser}`) !== signature || Number(expiry) < now()) throw new Error('state');
  const key = `bench:state:${nonce}`;
  const claimed = fewest ? await redis.set(key, 1, 'EX', 600, 'NX') : await scripts.claim(key, 'runs');
  if (claimed === null || (!fewest && claimed !== '')) throw new Error('used');
  const { body } = await qq.request({
    path: `/oauth2.0/token?grant_type=authorization_code&client_id=1&client_secret=x&code=${query.get('code')}`,
    method: 'GET',
  });
  const { openid } = (await body.json()) as { openid: string };
  if (!fewest) await redis.set(key, JSON.stringify({ openid, at: Date.now() }), 'EX', 600);
  const [[account]] = await database.execute<Account[]>(BY_OPENID, [openid]);
  if (!account) {
    const access_token = sign({ openid, browser, aud: 'bind', jti: nonce, exp: now() + 3600 });
    return { access_token, expires_in: 3600, next: '/' };
  }
  if (!fewest) events.push(eventOf(request, account.id, 'logged_in', openid));
  return { token: loginToken(account), user_id: account.id, username: account.username, next: '/' };
}

function eventOf(request: IncomingMessage, id: number, event: string, openid: string): (string | number)[] {
  return [id, event, sha256(openid), addressOf(request), randomUUID()];
}

async function bind(request: IncomingMessage): Promise<object> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const { mobile, password, sms_code, access_token } = JSON.parse(text) as Record<string, string>;
  const { openid, browser } = verify(access_token!);
  if (browser !== cookieOf(request)) throw new Error('browser');
  if (!fewest) {
    await limit(addressOf(request));
    await redis.hmget(`bench:bind:${openid}`, 'receipt', 'unboundAt');
    await limit(`token ${openid}`);
  }
  const [code, [[known]]] = await Promise.all([
    fewest ? redis.get(`sms_${mobile}`) : scripts.tryCode(`sms_${mobile}`),
    database.execute<Account[]>(BY_MOBILE, [mobile!]),
  ]);
  await limit(`tries ${mobile}`);
  if (code !== sms_code) throw new Error('code');
  let encoded = '';
  if (!known) encoded = `bcrypt_sha256$${await bcrypt.hash(sha256(password!), Number(BCRYPT_COST))}`;
  else if (!(await bcrypt.compare(sha256(password!), known.password.slice(14)))) throw new Error('password');
  const account = known ?? { id: 0, username: mobile!, email: '' };
  const event = (id: number) => eventOf(request, id, 'bound', openid);
  const id = await write({ known: account.id, mobile: mobile!, encoded, openid, code, event });
  if (!fewest) events.push(eventOf(request, id, 'logged_in', openid));
  return { token: loginToken({ ...account, id }), user_id: id, username: account.username };
}

interface Bind {
  readonly known: number;
  readonly mobile: string;
  readonly encoded: string;
  readonly openid: string;
  readonly code: string;
  readonly event: (id: number) => (string | number)[];
}

async function write({ known, mobile, encoded: password, openid, code, event }: Bind): Promise<number> {
  const connection = await database.getConnection();
  try {
    await connection.query('BEGIN');
    let id = known;
    if (id === 0) {
      const [{ insertId }] = await connection.execute<mysql.ResultSetHeader>(ADD_USER, [
        password,
        mobile,
        mobile,
      ]);
      id = insertId;
    } else if (!fewest) await connection.execute(LOCK, [id]);
    await connection.execute(ADD_QQ, [openid, id]);
    if (!fewest) {
      await connection.execute(ADD_EVENTS + EVENT, event(id));
      await scripts.receipt(`bench:bind:${openid}`, sha256(code + mobile));
    }
    if ((await scripts.spend(`sms_${mobile}`, code)) !== 1) throw new Error('code');
    await connection.query('COMMIT');
    return id;
  } catch (error) {
    await connection.query('ROLLBACK');
    throw error;
  } finally {
    connection.release();
  }
}

const claimsOf = (request: IncomingMessage): Claims => verify(request.headers.authorization!.slice(7));

/** The least cost of "who am I" with tokens that can be ended: one Redis command and one row. */
async function lookedUp(request: IncomingMessage): Promise<object> {
  const { user_id } = claimsOf(request);
  await redis.mget(`bench:ended:${user_id}`, `bench:ended:${user_id}:x`);
  const [[account]] = await database.execute<Account[]>(BY_ID, [user_id]);
  return account!;
}

async function answerOf(request: IncomingMessage, response: ServerResponse): Promise<object> {
  const [path] = request.url!.split('?', 1);
  switch (`${request.method} ${path}`) {
    case 'GET /bare':
      return { status: 'ok' };
    case 'GET /user/':
      return fewest ? claimsOf(request) : lookedUp(request);
    case 'GET /oauth/qq/authorization/':
      return start(request, response);
    case 'GET /oauth/qq/users/':
      return callback(request);
    case 'POST /oauth/qq/users/':
      return bind(request);
    default:
      throw new Error('no such route');
  }
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let [status, body] = [200, ''];
  try {
    body = JSON.stringify(await answerOf(request, response));
  } catch (error) {
    [status, body] = [400, JSON.stringify({ error: (error as Error).message })];
  }
  const head = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(status, head).end(body);
}

const server = createServer((request, response) => void serve(request, response));
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit());
