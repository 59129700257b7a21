import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { PROBLEMS, problemBody } from '../common/problem.js';
import { VERSION } from '../common/version.js';
import { Config } from '../config/config.js';

const INTRODUCTION = `
QQ登录与账号绑定。一次完整的登录，按下面的顺序逐个执行；示例值可以照用，只有下面说到的要粘贴：

1. **开始QQ登录** \`GET /oauth/qq/authorization/\`：执行后，在新标签页打开得到的 \`login_url\`。
2. 真正的QQ会带着 \`code\` 和 \`state\` 回到回调页。在沙箱里，点QQ授权页下方的“登录后停在这里”，选一个人，再复制这两个值。
3. **QQ登录回调** \`GET /oauth/qq/users/\`：粘贴 \`code\` 和 \`state\`。已绑定的QQ得到 \`token\`；未绑定的得到 \`access_token\`。
4. **图形验证码** \`GET /image_codes/{id}/\`、**发送短信验证码** \`POST /sms_codes/\`：粘贴图中文字（在沙箱里，响应头 \`X-Image-Code\` 也有）；短信在沙箱的手机（\`/phone/\`）上。
5. **绑定QQ** \`POST /oauth/qq/users/\`：粘贴短信验证码和 \`access_token\`，得到 \`token\`。
6. 点 **Authorize**，粘贴 \`token\`，再试 **我是谁** \`GET /user/\` 等需要登录的接口。

所有错误都是同一种格式：\`{statusCode, errorCode, message}\`；程序判断 \`errorCode\`，\`message\` 给人看。
`;

/** Swagger UI at `/docs`, the OpenAPI document at `/docs-json`. */
export function setUpDocs(app: NestFastifyApplication): void {
  // The page loads its assets relative to `/docs`. A relative redirect is also correct behind a stripped prefix.
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, reply, done) => {
      if (/^\/docs\/(?:\?|$)/.test(request.url)) reply.code(302).header('location', '../docs').send();
      else done();
    });
  // Built at the first request: it takes megabytes, and most processes never serve it.
  SwaggerModule.setup('docs', app, () => openApi(app), {
    jsonDocumentUrl: 'docs-json',
    raw: ['json'],
    customSiteTitle: 'QQ登录与账号绑定',
    swaggerOptions: { persistAuthorization: true, withCredentials: true, tryItOutEnabled: true },
  });
}

/** Swagger UI has inline styles, icons as data URLs and pictures as blobs. Its scripts come from this service. */
export const DOCS_POLICY =
  "default-src 'none';script-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data: blob:;connect-src 'self';" +
  "form-action 'none';base-uri 'none';frame-ancestors 'none'";

function openApi(app: NestFastifyApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('QQ登录与账号绑定')
    .setDescription(INTRODUCTION)
    .setVersion(VERSION)
    .setOpenAPIVersion('3.1.0')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    // Relative, so that it is correct behind a proxy that strips the prefix of PUBLIC_URL, and for every host name.
    .addServer(app.get(Config).prefix || '/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: '登录得到的 token' })
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'INTROSPECTION_KEY' }, 'introspection');
  for (const tag of ['QQ登录', '短信验证码', '登录', '账号', '绑定的QQ', '页面', '健康']) builder.addTag(tag);
  const document = SwaggerModule.createDocument(app, builder.build(), { operationIdFactory });
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: PROBLEM as never },
  };
  // Documents every path with a final slash. Each also answers without it.
  document.paths = Object.fromEntries(
    Object.entries(document.paths).map(([path, item]) => [
      path.startsWith('/health') ? path : `${path}/`,
      item,
    ]),
  );
  for (const [path, item] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(item) as [string, OperationObject][]) {
      operation.security ??= [];
      // Generated clients use it as the function's name. Two routes of one handler differ in the last word.
      operation.operationId = uniqueId(operation.operationId ?? '', path);
      if (method !== 'get') operation.responses['403'] = ORIGIN_REFUSED;
    }
  return document;
}

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;

const ORIGIN_REFUSED = {
  description: 'ORIGIN_REFUSED',
  content: {
    'application/json': {
      schema: { $ref: '#/components/schemas/Problem' },
      examples: { ORIGIN_REFUSED: { value: problemBody('ORIGIN_REFUSED') } },
    },
  },
};

/** `QqBindings` + `list` → `qqBindingsList`: stable as long as classes and methods keep their names. */
function operationIdFactory(controller: string, method: string): string {
  const subject = controller.replace(/Controller$/, '').replace(/^OAuth$/, 'qq');
  return `${subject[0]!.toLowerCase()}${subject.slice(1)}${method[0]!.toUpperCase()}${method.slice(1)}`;
}

/** Makes the id of the alias `/oauth/qq/user/` unique: it has the same handler as `/oauth/qq/users/`. */
function uniqueId(id: string, path: string): string {
  const [name = ''] = id.split(/[[_]/);
  return path === '/oauth/qq/user/' ? `${name}Alias` : name;
}

const PROBLEM = {
  type: 'object',
  required: ['statusCode', 'errorCode', 'message'],
  properties: {
    statusCode: { type: 'integer', example: 400 },
    errorCode: { type: 'string', enum: Object.keys(PROBLEMS) },
    message: { type: 'string', description: '给人看的提示语' },
    errors: {
      type: 'object',
      description: '只在 REQUEST_INVALID 时：每个字段的提示语',
      additionalProperties: { type: 'array', items: { type: 'string' } },
    },
  },
} as const;
