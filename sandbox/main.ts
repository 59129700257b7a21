import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { PEOPLE } from './people.js';
import { DEFAULT_APP } from './registry.js';
import { startSandbox, type Sandbox } from './sandbox.js';

/** A user's mistake: reported as one sentence, without a stack. */
class Refusal extends Error {}

try {
  if (existsSync('.env')) process.loadEnvFile();
  if (process.env.NODE_ENV === 'production')
    throw new Refusal(
      'The sandbox never runs in production: use "npm run start:prod". 生产环境不能启动沙箱。',
    );
  const sandbox = await open();
  closeWithProcess(sandbox);
  setDefaults(sandbox);
  // A path computed at run time: importing the service's main starts it, and the sandbox must not depend on it.
  const service = new URL('../src/main.js', import.meta.url).href;
  await import(service);
  console.log(whereToClick(sandbox));
} catch (error) {
  console.error(error instanceof Refusal ? error.message : error);
  process.exit(1);
}

async function open(): Promise<Sandbox> {
  const given = process.env.SANDBOX_PORT || '3001';
  if (!/^\d{1,5}$/.test(given) || Number(given) > 65535)
    throw new Refusal('SANDBOX_PORT: a whole number from 0 to 65535.');
  const app = { id: process.env.QQ_APP_ID || DEFAULT_APP.id, key: process.env.QQ_APP_KEY || DEFAULT_APP.key };
  try {
    return await startSandbox({
      port: Number(given),
      // In a container, the port mapping does not reach 127.0.0.1.
      host: process.env.SANDBOX_HOST || undefined,
      apps: [app],
      redirectHosts: ['localhost', '127.0.0.1', ...ownHosts()],
      phoneKey: process.env.SMS_HTTP_KEY || undefined,
      shopUrl: `${publicUrl()}/`,
    });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new Refusal(
      `Port ${given} is taken, perhaps by another sandbox: stop it, or set SANDBOX_PORT. ` +
        `端口 ${given} 已被占用：请先停止占用它的程序，或设置 SANDBOX_PORT。`,
    );
  }
}

/** Sets only missing variables. If the real QQ is configured, it is used. */
function setDefaults({ url }: Sandbox): void {
  const { port } = new URL(url);
  process.env.SANDBOX_PORT = port;
  process.env.QQ_BASE_URL ||= `http://localhost:${port}`;
  process.env.IMAGE_CODE_HEADER ||= 'on';
  // Shows the addresses and warnings only.
  process.env.LOG_LEVEL ||= 'warn';
}

function closeWithProcess(sandbox: Sandbox): void {
  // The service has its own handler, which ends the process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void sandbox.close());
}

/** The URL at which browsers reach the service, as in src/config/load-config.ts. */
function publicUrl(): string {
  return (process.env.PUBLIC_URL || `http://localhost:${process.env.PORT || '3000'}`).replace(/\/$/, '');
}

/** The service's hosts. The stand-in only redirects to them. */
function ownHosts(): string[] {
  return [publicUrl(), process.env.QQ_REDIRECT_URI ?? '']
    .filter((url) => URL.canParse(url))
    .map((url) => new URL(url).hostname);
}

function whereToClick({ url }: Sandbox): string {
  const sandbox = `http://localhost:${new URL(url).port}`;
  const people = PEOPLE.map(({ qq, nickname }) => `${nickname} ${qq}`).join(' · ');
  const { DATABASE_URL } = process.env;
  const data = DATABASE_URL ? 'DATABASE_URL' : `${resolve('.data')}   清空 forget it: npm run reset`;
  return `
  登录页   login page    ${publicUrl()}/
  接口     API docs      ${publicUrl()}/docs
  手机     phone (SMS)   ${sandbox}/phone/
  故障     faults        ${sandbox}/faults/
  QQ用户   QQ people     ${people}
  数据     data          ${data}
  日志     log           LOG_LEVEL=info npm start
`;
}
