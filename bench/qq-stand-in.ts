// The part of QQ that a login needs: `GET /oauth2.0/token` returns the openid of a code. The code is the openid itself,
// so that a load client needs no consent page. A process of its own. The parent sets the delay: `{ delayMs }`.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

let delayMs = 0;

process.on('message', (message: { delayMs: number }) => {
  delayMs = message.delayMs;
});
process.on('disconnect', () => process.exit());

const server = createServer((request, response) => {
  const code = /[?&]code=([0-9A-F]{32})/.exec(request.url ?? '')?.[1] ?? '';
  const body = `{"access_token":"${code}","expires_in":7776000,"refresh_token":"${code}","openid":"${code}"}`;
  const answer = () => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body);
  };
  if (delayMs > 0) setTimeout(answer, delayMs);
  else answer();
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }));
