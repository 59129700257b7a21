// How fast, against what limit: each figure beside the bare thing that bounds it, measured in the same run, because
// machines differ and are noisy and only the ratio travels.
//
//   npm run build && DATABASE_URL=mysql://… REDIS_URL=redis://… node bench/bench.mjs
//
// The database has to be migrated and is written to: use one that you can throw away.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import bcrypt from 'bcrypt';
import { Redis } from 'ioredis';
import { Pool } from 'undici';

const SECONDS = 5;
const CONNECTIONS = 64;
const ROUNDS = 3;
const COST = 12;
const BINDS = 40;
const dist = new URL('../dist/', import.meta.url);

const sandbox = await startSandbox();
const service = await startService(sandbox.url);
const pool = new Pool(service.url, { connections: CONNECTIONS });
const redis = new Redis(process.env.REDIS_URL);

try {
  const { cookie } = await start();
  const token = await bindSomebody('10001', '13800138000');
  for (let round = 1; round <= ROUNDS; round += 1) {
    const bare = await rate(() => get('/health/live'));
    const me = await rate(() => get('/user/', { authorization: `Bearer ${token}` }));
    const logins = await loginRate(cookie);
    report(round, { 'bare route': bare, 'GET /user/': me, 'login of a bound QQ': logins }, bare);
    const hashes = await hashRate();
    const binds = await bindRate(round);
    report(round, { [`bcrypt ${COST} on all cores`]: hashes, 'binds of new accounts': binds }, hashes);
  }
} finally {
  await pool.destroy();
  redis.disconnect();
  service.process.kill();
  sandbox.process.kill();
}

/** How many a second: CONNECTIONS at a time, for SECONDS. */
async function rate(request) {
  const end = performance.now() + SECONDS * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (performance.now() < end) {
        await request();
        done += 1;
      }
    }),
  );
  return done / SECONDS;
}

/** Callbacks alone: what comes before them is done before the clock runs. */
async function loginRate(cookie) {
  const ready = [];
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (ready.length < 6000) ready.push(await approve(await startAgain(cookie), '10001'));
    }),
  );
  const begin = performance.now();
  const total = ready.length;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (let query = ready.pop(); query; query = ready.pop())
        await get(`/oauth/qq/users/?${query}`, { cookie });
    }),
  );
  return (total / (performance.now() - begin)) * 1000;
}

async function hashRate() {
  const begin = performance.now();
  const total = 8 * availableParallelism();
  await Promise.all(Array.from({ length: total }, () => bcrypt.hash('a password', COST)));
  return (total / (performance.now() - begin)) * 1000;
}

async function bindRate(round) {
  const forms = [];
  for (let i = 0; i < BINDS; i += 1) {
    const mobile = `139${round}${String(Date.now()).slice(-3)}${String(i).padStart(4, '0')}`;
    const { cookie, loginUrl } = await start();
    const { access_token } = await get(`/oauth/qq/users/?${await approve(loginUrl, mobile)}`, { cookie });
    await redis.set(`sms_${mobile}`, '246810', 'EX', 300);
    forms.push({
      cookie,
      body: { mobile, password: `pw-${mobile}x`.slice(3, 19), sms_code: '246810', access_token },
    });
  }
  for (const { body } of forms) body.password = `Bench-${body.mobile.slice(-7)}`;
  const begin = performance.now();
  await Promise.all(forms.map(({ cookie, body }) => post('/oauth/qq/users/', body, { cookie })));
  return (BINDS / (performance.now() - begin)) * 1000;
}

async function bindSomebody(qq, mobile) {
  const { cookie, loginUrl } = await start();
  const answer = await get(`/oauth/qq/users/?${await approve(loginUrl, qq)}`, { cookie });
  if (answer.token) return answer.token;
  await redis.set(`sms_${mobile}`, '246810', 'EX', 300);
  const form = { mobile, password: 'mysecret12', sms_code: '246810', access_token: answer.access_token };
  return (await post('/oauth/qq/users/', form, { cookie })).token;
}

async function start(headers = {}) {
  const answer = await pool.request({
    path: '/oauth/qq/authorization/?next=/cart.html',
    method: 'GET',
    headers,
  });
  const cookie = String(answer.headers['set-cookie']).split(';')[0];
  return { cookie, loginUrl: (await answer.body.json()).login_url };
}

async function startAgain(cookie) {
  return (await start({ cookie })).loginUrl;
}

async function approve(loginUrl, qq) {
  const answer = await fetch(`${loginUrl}&login_as=${qq}`, { redirect: 'manual' });
  return new URL(answer.headers.get('location')).search.slice(1);
}

async function get(path, headers = {}) {
  return read(await pool.request({ path, method: 'GET', headers }), path);
}

async function post(path, body, headers) {
  const json = { 'content-type': 'application/json', ...headers };
  return read(await pool.request({ path, method: 'POST', headers: json, body: JSON.stringify(body) }), path);
}

async function read({ statusCode, body }, path) {
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${path.split('?')[0]} answered ${statusCode}: ${text}`);
  return JSON.parse(text);
}

function report(round, figures, bound) {
  for (const [name, perSecond] of Object.entries(figures)) {
    const ratio = (perSecond / bound).toFixed(2);
    console.log(`round ${round}  ${name.padEnd(24)} ${perSecond.toFixed(1).padStart(9)}/s   ${ratio}`);
  }
}

async function startSandbox() {
  const script = `import { startSandbox } from ${JSON.stringify(new URL('sandbox/sandbox.js', dist).href)};
    console.log((await startSandbox({ port: 0 })).url);`;
  const process = spawn('node', ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = await once(process.stdout, 'data');
  return { process, url: String(url).trim() };
}

async function startService(qq) {
  const port = 3000 + Math.floor(Math.random() * 20_000);
  const rules = ['starts-per-ip', 'callbacks-per-ip', 'binds-per-ip'].map((rule) => `${rule}=100000000/60`);
  const env = {
    ...process.env,
    NODE_ENV: 'development',
    PORT: String(port),
    BCRYPT_COST: String(COST),
    QQ_BASE_URL: qq,
    LIMITS: rules.join(),
  };
  const child = spawn('node', [fileURLToPath(new URL('src/main.js', dist))], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  const up = () =>
    fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await up())) if (child.exitCode !== null) throw new Error('the service did not start');
  return { process: child, url };
}
