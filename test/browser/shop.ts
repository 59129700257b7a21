/**
 * What the browser tests need from the running system: the shop's address, a phone to read, QQ's fault switch, an
 * account.
 */

import { limitKey } from '../../src/limits/limits.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { newMobile, newName, newPassword, newQq } from '../support/shopper.js';
import { type App, type StartOptions, startApp } from '../support/start-app.js';

export interface Shop {
  /** The origin of the pages in the browser. */
  readonly url: string;
  readonly app: App;
  /** For Chromium's `--host-resolver-rules`: the real addresses of the origins. */
  readonly hosts: string;
  close(): Promise<void>;
}

export interface Person {
  readonly username: string;
  readonly mobile: string;
  readonly password: string;
  /** The person's QQ number. */
  readonly qq: string;
}

/** Starts the shop under the host name that its cookies, CORS headers and QQ's redirect use. */
export async function openShop({ env, ...options }: StartOptions = {}): Promise<Shop> {
  const url = 'http://shop.test';
  const app = await startApp({
    env: { QQ_REDIRECT_URI: `${url}/oauth_callback.html`, HUMAN_CHECK: 'picture', ...env },
    sandbox: { redirectHosts: ['shop.test', 'web.shop.test', 'dressed.test'] },
    ...options,
  });
  const hosts = `MAP shop.test:80 ${new URL(app.url).host}`;
  return { url, app, hosts, close: () => app.close() };
}

/** The code in the newest message to a mobile. */
export function latestCode({ app }: Shop, mobile: string): string {
  const [newest] = app.sandbox.messages(mobile);
  if (!newest) throw new Error(`No message for ${mobile}`);
  return newest.code;
}

/** Switches a fault of QQ on; `none` switches it off. */
export function setFault({ app }: Shop, fault: Parameters<Sandbox['setFault']>[0]): void {
  app.sandbox.setFault(fault);
}

/** Sends an SMS from another program, which starts the mobile's minute. */
export async function sendSms({ app }: Shop, mobile: string): Promise<void> {
  await app.shopper().askForSms(mobile);
}

/** Registers an account over HTTP, and lets its mobile get the next SMS at once. */
export async function register(shop: Shop, { username, mobile, password }: Person): Promise<void> {
  await shop.app.shopper().register({ username, mobile, password });
  await mayAskAgain(shop, mobile);
}

/** Lets a mobile get the next SMS without waiting for a minute. */
export async function mayAskAgain({ app }: Shop, mobile: string): Promise<void> {
  await app.redis.del(limitKey('sms-per-mobile-minute', mobile));
}

/** A person whose QQ was bound over HTTP, from another browser. */
export async function bindByApi({ app }: Shop): Promise<Person> {
  const person = stranger();
  const shopper = app.shopper();
  const { mobile, password, qq } = person;
  const form = await shopper.bindForm({ mobile, password, qq });
  await shopper.bind({ ...form, terms_version: app.config.TERMS_VERSION });
  return { ...person, username: mobile };
}

/** A person with new names and numbers. */
export function stranger(): Person {
  return { username: newName(), mobile: newMobile(), password: newPassword(), qq: newQq() };
}
