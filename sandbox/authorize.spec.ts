import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';
import { Shop } from './shop.js';

const LOGIN = {
  response_type: 'code',
  client_id: '101000001',
  redirect_uri: 'http://localhost:3000/oauth_callback.html',
  state: 'a/b c+d=é',
  login_as: '10001',
};
const REFUSED = '/oauth2.0/show?which=error&display=pc&error=100010';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, redirectHosts: ['localhost', 'shop.example'] });
});
afterAll(() => sandbox.close());

function authorize(parameters: Record<string, string>): Promise<Response> {
  const query = new URLSearchParams(parameters).toString();
  return fetch(`${sandbox.url}/oauth2.0/authorize?${query}`, { redirect: 'manual' });
}

async function destination(parameters: Record<string, string>): Promise<string | null> {
  const response = await authorize(parameters);
  expect(response.status).toBe(302);
  return response.headers.get('location');
}

describe('GET /oauth2.0/authorize', () => {
  it('the authorize page goes back with a code of 32 upper-case hex digits and the state percent-encoded', async () => {
    expect(await destination(LOGIN)).toMatch(
      /^http:\/\/localhost:3000\/oauth_callback\.html\?code=[0-9A-F]{32}&state=a%2Fb%20c%2Bd%3D%C3%A9$/,
    );
  });

  it('the authorize page appends to the query of the redirect_uri', async () => {
    const redirect_uri = 'http://localhost:3000/cb?shop=1';

    expect(await destination({ ...LOGIN, redirect_uri })).toMatch(
      /^http:\/\/localhost:3000\/cb\?shop=1&code=[0-9A-F]{32}&state=/,
    );
  });

  it.each(['response_type', 'client_id', 'redirect_uri', 'state'])(
    'the authorize page refuses a login without %s',
    async (name) => {
      expect(await destination({ ...LOGIN, [name]: '' })).toBe(REFUSED);
    },
  );

  it.each([
    ['an unknown appid', { client_id: '101000002' }],
    ['another response_type', { response_type: 'token' }],
    ['a host nobody registered', { redirect_uri: 'https://evil.example/' }],
    ['a registered name as the user of a foreign host', { redirect_uri: 'http://localhost@evil.example/' }],
    ['a host that only ends like a registered one', { redirect_uri: 'https://notshop.example/' }],
    ['a scheme that is not the web', { redirect_uri: 'javascript://localhost/%0aalert(1)' }],
    ['a redirect_uri with a fragment', { redirect_uri: 'http://localhost:3000/#x' }],
    ['a redirect_uri of more than 500 bytes', { redirect_uri: `http://localhost/${'x'.repeat(484)}` }],
    ['a state of more than 500 bytes', { state: '码'.repeat(167) }],
  ])('the authorize page refuses %s', async (_what, wrong) => {
    expect(await destination({ ...LOGIN, ...wrong })).toBe(REFUSED);
  });

  it('the authorize page accepts a redirect_uri and a state of 500 bytes', async () => {
    const redirect_uri = `http://localhost/${'x'.repeat(483)}`;

    expect(await destination({ ...LOGIN, redirect_uri, state: 's'.repeat(500) })).toMatch(/code=/);
  });

  it('the authorize page accepts a subdomain of a registered host, on any port', async () => {
    expect(await destination({ ...LOGIN, redirect_uri: 'https://m.shop.example:8443/cb' })).toMatch(
      /^https:\/\/m\.shop\.example:8443\/cb\?code=/,
    );
  });

  it.each(['1234', '1234567890123', '1000a', ' 10001'])(
    'the authorize page does not know a QQ number like "%s"',
    async (login_as) => {
      expect((await authorize({ ...LOGIN, login_as })).status).toBe(400);
    },
  );
});

describe('the consent page', () => {
  it('the consent page links to a login as each of its people, with all parameters of the shop', async () => {
    const page = await (await authorize({ ...LOGIN, login_as: '' })).text();

    const links = [...page.matchAll(/class="person" href="([^"]+)"/g)].map(([, href]) => href!);
    const asked = links.map((href) => Object.fromEntries(new URLSearchParams(href.replaceAll('&#38;', '&'))));
    expect(asked).toEqual(['10001', '10002', '10003'].map((login_as) => ({ ...LOGIN, login_as })));
  });

  it('the consent page escapes what the shop sent', async () => {
    const page = await (await authorize({ ...LOGIN, login_as: '', state: '"><script>' })).text();

    expect(page).toContain('value="&#34;&#62;&#60;script&#62;"');
    expect(page).not.toContain('"><script>');
  });

  it('the consent page may redirect to any shop, and runs no foreign script', async () => {
    const policy = (await authorize({ ...LOGIN, login_as: '' })).headers.get('content-security-policy');

    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain('form-action');
  });

  it('the consent page links to a login that stops before it returns to the shop', async () => {
    const page = await (await authorize({ ...LOGIN, login_as: '', hold: '1' })).text();

    const [, href = ''] = /class="person" href="([^"]+)"/.exec(page) ?? [];
    expect(new URLSearchParams(href.replaceAll('&#38;', '&')).get('hold')).toBe('1');
    expect(page).toContain('<input type="hidden" name="hold" value="1" />');
  });

  it('a cancelled login ends on a page of its own, without a callback', async () => {
    const response = await fetch(`${sandbox.url}/oauth2.0/cancelled`, { redirect: 'manual' });

    expect(response.status).toBe(200);
    expect(await response.text()).toContain('可以关闭此窗口');
  });

  it('the page of a refused login names the error number', async () => {
    const response = await fetch(`${sandbox.url}${REFUSED}`);

    expect(await response.text()).toContain('<strong>100010</strong>');
  });
});

describe('a held login', () => {
  it('a held login shows the code and the state instead of going back, and the code is valid', async () => {
    const shop = new Shop(sandbox);

    const response = await shop.authorize({ state: 'a/b c+d=é', hold: '1' });

    expect(response.status).toBe(200);
    expect(response.headers.get('location')).toBeNull();
    const page = await response.text();
    const [, code = ''] = /id="code" value="([0-9A-F]{32})"/.exec(page) ?? [];
    expect(page).toContain('id="state" value="a/b c+d=é"');
    expect(await (await shop.token(code)).text()).toMatch(/^access_token=/);
  });

  it('a held login escapes what it shows', async () => {
    const page = await (await authorize({ ...LOGIN, state: '"><script>', hold: '1' })).text();

    expect(page).toContain('id="state" value="&#34;&#62;&#60;script&#62;"');
  });

  it('a login is held only when asked for: QQ ignores an unknown parameter', async () => {
    expect(await destination({ ...LOGIN, hold: '0' })).toMatch(/\?code=[0-9A-F]{32}&state=a%2Fb/);
  });
});
