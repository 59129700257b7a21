import { createHmac } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { html } from './html.js';

/** A person with a QQ number. */
export interface Person {
  readonly qq: string;
  readonly nickname: string;
}

/** The people that the consent page offers. Any other number works too. */
export const PEOPLE: readonly Person[] = [
  { qq: '10001', nickname: '小企鹅' },
  { qq: '10002', nickname: '林小满' },
  { qq: '10003', nickname: '周远航' },
];

/** Whether the text is a QQ number: 5 to 12 digits. */
export function isQqNumber(text: string): boolean {
  return /^\d{5,12}$/.test(text);
}

/** The person's nickname at QQ. */
export function nicknameOf(qq: string): string {
  return PEOPLE.find((person) => person.qq === qq)?.nickname ?? `QQ用户${qq}`;
}

/** 32 upper-case hex digits, one per app and QQ. They do not change with a restart, so stored bindings stay valid. */
export function openidOf(appId: string, qq: string): string {
  return fingerprint(`openid ${appId}`, qq);
}

/** `UID_` and 32 upper-case hex digits, one per QQ for all apps of a developer account. */
export function unionidOf(developer: string, qq: string): string {
  return `UID_${fingerprint(`unionid ${developer}`, qq)}`;
}

function fingerprint(purpose: string, qq: string): string {
  return createHmac('sha256', purpose).update(qq).digest('hex').slice(0, 32).toUpperCase();
}

/** The path of the person's picture on the sandbox. */
export function picturePath(qq: string): string {
  return `/pictures/${qq}.svg`;
}

/** Serves a picture for every number: the first character of the nickname on a colour. */
export function pictureRoute(app: FastifyInstance): void {
  app.get<{ Params: { qq: string } }>('/pictures/:qq(^\\d{5,12}$).svg', (request, reply) => {
    const { qq } = request.params;
    const hue = (Number(qq) * 67) % 360;
    const picture = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
      <rect width="100" height="100" fill="hsl(${hue}, 45%, 35%)" />
      <text x="50" y="52" fill="#fff" font-size="46" text-anchor="middle" dominant-baseline="central">
        ${nicknameOf(qq).slice(0, 1)}
      </text>
    </svg>`;
    return (
      reply
        .type('image/svg+xml')
        // The shop's pages show it from another origin.
        .header('cross-origin-resource-policy', 'cross-origin')
        .send(picture.toString())
    );
  });
}
