import { describe, expect, it } from 'vitest';
import { legacyUrl } from './legacy-paths.js';

describe('the paths of the old pages', () => {
  it.each([
    ['GET', '/oauth/qq/statues/?state=%2Fcart.html', '/legacy/login?state=%2Fcart.html'],
    ['GET', '/oauth/qq/authorization/?next=/', '/legacy/login?next=/'],
    ['GET', '/oauth/qq/authorizations/?state=/', '/legacy/login?state=/'],
    ['GET', '/oauth/qq/users/?code=C0DE', '/legacy/callback?code=C0DE'],
    ['GET', '/oauth/qq/user/?code=C0DE&state=%2Fcart.html', '/legacy/callback?code=C0DE&state=%2Fcart.html'],
    ['POST', '/oauth/qq/users/', '/legacy/bind'],
    ['POST', '/oauth/qq/user/', '/legacy/bind'],
    ['GET', '/verifications/imagecodes/abc/', '/image_codes/abc'],
    ['GET', '/verifications/smscodes/13800138000/?text=A', '/legacy/sms_codes/13800138000?text=A'],
    ['GET', '/sms_codes/13800138000/?text=A', '/legacy/sms_codes/13800138000?text=A'],
    ['GET', '/users/usernames/li/count/', '/legacy/usernames/li'],
    ['GET', '/usernames/li/count/', '/legacy/usernames/li'],
    ['GET', '/users/phones/13800138000/count/', '/legacy/mobiles/13800138000'],
    ['GET', '/mobiles/13800138000/count/', '/legacy/mobiles/13800138000'],
    ['POST', '/users/', '/legacy/users'],
    ['POST', '/users/auths/', '/legacy/authorizations'],
    ['GET', '/users/infos/', '/user'],
    ['GET', '/users/browerhistories/', '/legacy/histories'],
  ])('%s %s of the old pages is answered by %s', (method, url, route) => {
    expect(legacyUrl(method, url)).toBe(route);
  });

  it.each([
    ['GET', '/oauth/qq/authorization/?next=/&binding=browser'],
    ['GET', '/oauth/qq/users/?code=C0DE&state=n.e.p.s'],
    ['GET', '/oauth/qq/users/'],
    ['POST', '/sms_codes/'],
    ['POST', '/authorizations/'],
    ['GET', '/user/'],
    ['GET', '/oauth_callback.html?code=C0DE&state=/'],
  ])('%s %s stays our own path', (method, url) => {
    expect(legacyUrl(method, url)).toBe(url);
  });
});
