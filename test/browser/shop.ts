/**
 * What the browser tests need from the running system, and nothing else of it: where the shop is, a phone to read,
 * QQ's fault switch, an account.
 */

import { limitKey } from '../../src/limits/limits.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { newMobile, newName, newPassword, newQq } from '../support/shopper.js';
import { type App, type StartOptions, startApp } from '../support/start-app.js';

export interface Shop {
  /** The origin of the pages, as the browser knows it. */
  readonly url: string;
  readonly app: App;
  /** For Chromium's `--host-resolver-rules`: where the origins really are. */
  readonly hosts: string;
  close(): Promise<void>;
}

export interface Person {
  readonly username: string;
  readonly mobile: string;
  readonly password: string;
  /** Their QQ number. */
  readonly qq: string;
}

/** The shop under its own name: what it calls itself in cookies, CORS and QQ's redirect is what the browser sees. */
export async function openShop({ env, ...options }: StartOptions = {}): Promise<Shop> {
  const url = 'http://shop.test';
  const app = await startApp({
    env: { QQ_REDIRECT_URI: `${url}/oauth_callback.html`, HUMAN_CHECK: 'picture', ...env },
    sandbox: { redirectHosts: ['shop.test', 'web.shop.test'] },
    ...options,
  });
  const hosts = `MAP shop.test:80 ${new URL(app.url).host}`;
  return { url, app, hosts, close: () => app.close() };
}

/** The code of the newest message to a phone. */
export function latestCode({ app }: Shop, mobile: string): string {
  const [newest] = app.sandbox.messages(mobile);
  if (!newest) throw new Error(`No message for ${mobile}`);
  return newest.code;
}

/** Makes QQ misbehave; `none` mends it. */
export function setFault({ app }: Shop, fault: Parameters<Sandbox['setFault']>[0]): void {
  app.sandbox.setFault(fault);
}

/** Sends an SMS as another program would: the phone's minute begins. */
export async function sendSms({ app }: Shop, mobile: string): Promise<void> {
  await app.shopper().askForSms(mobile);
}

/** Registers an account by the front door; its phone need not wait for the next SMS. */
export async function register({ app }: Shop, { username, mobile, password }: Person): Promise<void> {
  await app.shopper().register({ username, mobile, password });
  await app.redis.del(limitKey('sms-per-mobile-minute', mobile));
}

/** Somebody whose QQ is bound already; they did it by the front door, in another browser. */
export async function bindByApi({ app }: Shop): Promise<Person> {
  const person = stranger();
  const shopper = app.shopper();
  const { mobile, password, qq } = person;
  await shopper.bind(await shopper.bindForm({ mobile, password, qq }));
  return { ...person, username: mobile };
}

/** Somebody whom no other test knows. */
export function stranger(): Person {
  return { username: newName(), mobile: newMobile(), password: newPassword(), qq: newQq() };
}
