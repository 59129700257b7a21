// The server that ours is compared with: the least code for the same login and bind, with node:http, mysql2 and
// ioredis, and with the fewest round trips. It has no limits, audit trail, validation, receipts or error shape, so it
// must not be used. It keeps what makes a login a login (a signed single-use state, a signed token) and a bind a bind
// (token, SMS code, password, one transaction, the code spent before the commit).
import { createHash, createHmac, randomBytes } from 'node:crypto';
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
redis.defineCommand('spend', {
  numberOfKeys: 1,
  lua: `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('DEL', KEYS[1])`,
});

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

function start(request: IncomingMessage, response: ServerResponse): object {
  const browser = cookieOf(request) || randomBytes(16).toString('base64url');
  const claims = `${randomBytes(16).toString('base64url')}.${now() + 600}`;
  response.setHeader('Set-Cookie', `qq_login=${browser}; Max-Age=4200; Path=/; HttpOnly; SameSite=Lax`);
  return { login_url: `${QQ_BASE_URL}/oauth2.0/authorize?state=${claims}.${mac(claims + browser)}` };
}

async function callback(request: IncomingMessage): Promise<object> {
  const query = new URLSearchParams(request.url!.slice(request.url!.indexOf('?')));
  const [nonce = '', expiry = '', signature] = query.get('state')!.split('.');
  const browser = cookieOf(request);
  if (mac(`${nonce}.${expiry}${browser}`) !== signature || Number(expiry) < now()) throw new Error('state');
  if ((await redis.set(`bench:state:${nonce}`, 1, 'EX', 600, 'NX')) === null) throw new Error('used');
  const { body } = await qq.request({
    path: `/oauth2.0/token?grant_type=authorization_code&client_id=1&client_secret=x&code=${query.get('code')}`,
    method: 'GET',
  });
  const { openid } = (await body.json()) as { openid: string };
  const [[account]] = await database.execute<Account[]>(BY_OPENID, [openid]);
  if (!account) {
    const access_token = sign({ openid, browser, aud: 'bind', jti: nonce, exp: now() + 3600 });
    return { access_token, expires_in: 3600, next: '/' };
  }
  return { token: loginToken(account), user_id: account.id, username: account.username, next: '/' };
}

async function bind(request: IncomingMessage): Promise<object> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const { mobile, password, sms_code, access_token } = JSON.parse(text) as Record<string, string>;
  const { openid, browser } = verify(access_token!);
  if (browser !== cookieOf(request)) throw new Error('browser');
  const [code, [[known]]] = await Promise.all([
    redis.get(`sms_${mobile}`),
    database.execute<Account[]>(BY_MOBILE, [mobile!]),
  ]);
  if (code !== sms_code) throw new Error('code');
  let encoded = '';
  if (!known) encoded = `bcrypt_sha256$${await bcrypt.hash(sha256(password!), Number(BCRYPT_COST))}`;
  else if (!(await bcrypt.compare(sha256(password!), known.password.slice(14)))) throw new Error('password');
  const account = known ?? { id: 0, username: mobile!, email: '' };
  const id = await write(account.id, mobile!, encoded, openid, code);
  return { token: loginToken({ ...account, id }), user_id: id, username: account.username };
}

async function write(known: number, mobile: string, password: string, openid: string, code: string) {
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
    }
    await connection.execute(ADD_QQ, [openid, id]);
    const spent = await (redis as Redis & { spend(key: string, code: string): Promise<number> }).spend(
      `sms_${mobile}`,
      code,
    );
    if (spent !== 1) throw new Error('code');
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
    case 'GET /redis-and-sql':
      return lookedUp(request);
    case 'GET /user/':
      return claimsOf(request);
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
