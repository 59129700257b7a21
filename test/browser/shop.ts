/**
 * What the browser tests need from the running system, and nothing else of it: where the shop and its sandbox are,
 * the phone, the fault switches, an account.
 */

export interface Shop {
  /** The origin of the pages and the API. */
  readonly url: string;
  /** QQ's stand-in, the phone and the fault switches. */
  readonly sandbox: string;
  close(): Promise<void>;
}

export interface Shopper {
  readonly username: string;
  readonly mobile: string;
  readonly password: string;
}

/**
 * The shop at `SHOP_URL` with the sandbox at `SANDBOX_URL`; by default where `npm start` puts them.
 * @param pagesAt the origin that `WEB_ORIGINS` lists and QQ sends people back to, when it is not the shop's own
 */
export async function openShop(_options: { pagesAt?: string } = {}): Promise<Shop> {
  return {
    url: process.env.SHOP_URL ?? 'http://localhost:3000',
    sandbox: process.env.SANDBOX_URL ?? 'http://localhost:3001',
    close: async () => undefined,
  };
}

/** The code of the newest message to a phone. */
export async function latestCode({ sandbox }: Shop, mobile: string): Promise<string> {
  const answer = await fetch(`${sandbox}/phone/messages?mobile=${mobile}`);
  const [newest] = (await answer.json()) as { code: string }[];
  if (!newest) throw new Error(`No message for ${mobile}`);
  return newest.code;
}

/** Makes QQ misbehave; `none` mends it. */
export async function setFault(
  { sandbox }: Shop,
  fault: { mode: string; on?: string; ms?: number },
): Promise<void> {
  await fetch(`${sandbox}/faults`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ on: 'all', ...fault }),
  });
}

/** Sends an SMS as another program would: the phone's minute begins. */
export async function sendSms({ url }: Shop, mobile: string): Promise<void> {
  const id = crypto.randomUUID();
  const picture = await fetch(`${url}/image_codes/${id}/`);
  const text = picture.headers.get('X-Image-Code');
  await post(`${url}/sms_codes/`, { mobile, image_code_id: id, image_code: text });
}

/**
 * Registers an account by the front door; its phone need not wait for the next SMS.
 */
export async function register(shop: Shop, shopper: Shopper): Promise<{ token: string; id: number }> {
  await sendSms(shop, shopper.mobile);
  const code = await latestCode(shop, shopper.mobile);
  const account = await post(`${shop.url}/users/`, { ...shopper, sms_code: code });
  await restPhone(shop, shopper.mobile);
  return account as { token: string; id: number };
}

async function post(url: string, body: object): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

let people = Math.floor(Math.random() * 1_000_000) * 100;

/** Somebody whom no other test knows. */
export function stranger(): Shopper & { readonly qq: string } {
  people += 1;
  const number = String(people).padStart(9, '0');
  return {
    username: `shopper_${number}`,
    mobile: `13${number}`,
    password: 'right-horse-9',
    qq: `2${number}`,
  };
}

/** Ends a phone's minute between two messages early. */
async function restPhone({ sandbox }: Shop, mobile: string): Promise<void> {
  await fetch(`${sandbox}/phone/rest?mobile=${mobile}`, { method: 'PUT' });
}
