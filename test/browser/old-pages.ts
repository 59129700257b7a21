import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The paths that the two families of the old shop's pages call, and the names that they read. */
export interface Family {
  readonly name: string;
  /** The start of a login, without the path to return to. */
  readonly start: string;
  readonly loginUrl: string;
  readonly callback: string;
  /** Before the picture's UUID. */
  readonly picture: string;
  /** Before the mobile; the picture's text has this name. */
  readonly sms: string;
  readonly text: string;
  /** Before the name or the mobile, and then `/count/`. */
  readonly usernames: string;
  readonly mobiles: string;
  readonly login: string;
  readonly me: string;
  readonly histories?: string;
  /** The field in which the pages read the account's id. */
  readonly userId: string;
}

export const FAMILIES: readonly Family[] = [
  {
    name: 'A',
    start: '/oauth/qq/statues/?state=',
    loginUrl: 'auth_url',
    callback: '/oauth/qq/users/',
    picture: '/verifications/imagecodes/',
    sms: '/verifications/smscodes/',
    text: 'text',
    usernames: '/users/usernames/',
    mobiles: '/users/phones/',
    login: '/users/auths/',
    me: '/users/infos/',
    histories: '/users/browerhistories/',
    userId: 'user_id',
  },
  {
    name: 'B',
    start: '/oauth/qq/authorization/?next=',
    loginUrl: 'login_url',
    callback: '/oauth/qq/user/',
    picture: '/image_codes/',
    sms: '/sms_codes/',
    text: 'image_code',
    usernames: '/usernames/',
    mobiles: '/mobiles/',
    login: '/authorizations/',
    me: '/user/',
    userId: 'id',
  },
];

/**
 * The script of every old page: like the course's, with XMLHttpRequest as axios uses it, `getQueryString` with its
 * `decodeURI`, tokens in localStorage, and a refusal shown only when its status is 400.
 */
const SCRIPT = `
function getQueryString(name) {
  const r = window.location.search.substr(1).match(new RegExp('(^|&)' + name + '=([^&]*)(&|$)', 'i'));
  return r === null ? null : decodeURI(r[2]);
}
function call(method, path, data) {
  return new Promise(function (resolve, reject) {
    const xhr = new XMLHttpRequest();
    xhr.open(method, HOST + path);
    xhr.withCredentials = true;
    if (data) xhr.setRequestHeader('Content-Type', 'application/json;charset=UTF-8');
    const token = localStorage.token;
    if (token) xhr.setRequestHeader('Authorization', 'JWT ' + token);
    xhr.onload = function () {
      const response = { status: xhr.status, data: JSON.parse(xhr.responseText || 'null') };
      if (xhr.status >= 200 && xhr.status < 300) resolve(response.data);
      else reject(response);
    };
    xhr.onerror = function () { reject({ status: 0, data: {} }); };
    xhr.send(data ? JSON.stringify(data) : null);
  });
}
const byId = function (id) { return document.getElementById(id); };
const say = function (text) { byId('said').textContent = text; };
const shown = function (error) { say(error.status === 400 ? error.data.message : 'error ' + error.status); };
let uuid;
function drawPicture() {
  uuid = crypto.randomUUID ? crypto.randomUUID() : '10000000-1000-4000-8000-' + Math.random().toString().slice(2, 14).padEnd(12, '0');
  byId('picture').src = HOST + F.picture + uuid + '/';
}
function sendSms() {
  call('GET', F.sms + byId('mobile').value + '/?' + F.text + '=' + byId('text').value + '&image_code_id=' + uuid)
    .then(function (data) { say('sms ' + data.message); }, shown);
}
function keep(data) {
  localStorage.token = data.token;
  localStorage.user_id = data[F.userId];
  localStorage.username = data.username;
}
const PAGES = {
  'login.html': function () {
    byId('qq').onclick = function () {
      call('GET', F.start + (getQueryString('next') || '/')).then(function (data) { location.href = data[F.loginUrl]; }, shown);
    };
    byId('go').onclick = function () {
      call('POST', F.login, { username: byId('username').value, password: byId('password').value })
        .then(function (data) { keep(data); location.href = getQueryString('next') || '/user_center.html'; }, shown);
    };
  },
  'oauth_callback.html': function () {
    const state = getQueryString('state');
    let accessToken;
    call('GET', F.callback + '?code=' + getQueryString('code')).then(function (data) {
      if (data[F.userId]) { keep(data); location.href = state; return; }
      accessToken = data.access_token;
      drawPicture();
      say('bind');
    }, shown);
    byId('sms').onclick = sendSms;
    byId('go').onclick = function () {
      call('POST', F.callback, { mobile: byId('mobile').value, password: byId('password').value, sms_code: byId('code').value, access_token: accessToken })
        .then(function (data) { keep(data); location.href = state; }, shown);
    };
  },
  'register.html': function () {
    drawPicture();
    byId('sms').onclick = sendSms;
    const free = {};
    const count = function (path, name) {
      return call('GET', path + byId(name).value + '/count/').then(function (data) { free[name] = data.count === 0; });
    };
    byId('go').onclick = function () {
      Promise.all([count(F.usernames, 'username'), count(F.mobiles, 'mobile')]).then(function () {
        if (!free.username || !free.mobile) return say('taken');
        return call('POST', '/users/', { username: byId('username').value, password: byId('password').value, password2: byId('password').value, mobile: byId('mobile').value, sms_code: byId('code').value, allow: 'true' })
          .then(function (data) { keep(data); location.href = '/user_center.html'; });
      }).catch(shown);
    };
  },
  'user_center.html': function () {
    call('GET', F.me).then(function (data) {
      return (F.histories ? call('GET', F.histories) : Promise.resolve([]))
        .then(function (seen) { say('hello ' + data.username + ', seen ' + seen.length); });
    }, function (error) { if (error.status === 401 || error.status === 403) location.href = '/login.html?next=/user_center.html'; });
  },
  'cart.html': function () { say('cart of ' + localStorage.username); },
};
(PAGES[location.pathname.split(/\\/|%2F/i).pop()] || function () {})();
`;

const FIELDS = ['username', 'mobile', 'text', 'code', 'password'];

/** Serves the old shop's pages of one family on a separate origin. */
export class OldPages {
  private constructor(private readonly server: Server) {}

  /** @param api the API's origin in the browser */
  static async serve(family: Family, api: string): Promise<OldPages> {
    const script = `const HOST = ${JSON.stringify(api)}; const F = ${JSON.stringify(family)};${SCRIPT}`;
    const fields = FIELDS.map((name) => `<input id="${name}" aria-label="${name}">`).join('');
    const page = `<!doctype html><meta charset="utf-8"><p id="said"></p><img id="picture" alt="">${fields}
      <button id="qq">QQ</button><button id="sms">sms</button><button id="go">go</button><script>${script}</script>`;
    const server = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return new OldPages(server);
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((closed) => {
      this.server.close(() => closed());
      this.server.closeAllConnections();
    });
  }
}
