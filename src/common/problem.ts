import { applyDecorators, HttpException } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { Sentence } from './sentences.js';

/** The error catalogue: every `errorCode`, with its HTTP status and its Chinese sentence (English: sentences.ts). */
export const PROBLEMS = {
  REQUEST_INVALID: [400, '请求参数不正确'],
  STATE_INVALID: [400, '登录状态已失效，请重新使用QQ登录'],
  NEXT_INVALID: [400, '跳转地址不合法'],
  QQ_CODE_INVALID: [400, 'QQ授权已失效，请重新登录'],
  BIND_TOKEN_INVALID: [400, '无效的token'],
  SMS_CODE_INVALID: [400, '验证码错误'],
  IMAGE_CODE_INVALID: [400, '图形验证码错误'],
  HUMAN_CHECK_INVALID: [400, '人机验证未通过，请重试'],
  PASSWORD_INVALID: [400, '密码错误'],
  CREDENTIALS_INVALID: [400, '用户名或密码错误'],
  ACCOUNT_DISABLED: [400, '账号已停用'],
  QQ_ALREADY_BOUND: [400, '该QQ已绑定账号，请直接登录'],
  QQ_CONFLICT: [400, '该QQ绑定存在冲突，请联系客服'],
  MOBILE_TAKEN: [400, '手机号已注册'],
  USERNAME_TAKEN: [400, '用户名已存在'],
  TERMS_REQUIRED: [400, '请先阅读并同意用户协议和隐私政策'],
  LOGIN_REQUIRED: [401, '请先登录'],
  ORIGIN_REFUSED: [403, '来源不被允许'],
  NOT_FOUND: [404, '未找到'],
  PAYLOAD_TOO_LARGE: [413, '请求内容过大'],
  URI_TOO_LONG: [414, '请求地址过长'],
  UNSUPPORTED_MEDIA_TYPE: [415, '不支持的内容类型'],
  TOO_MANY_REQUESTS: [429, '操作过于频繁，请稍后再试'],
  HEADERS_TOO_LARGE: [431, '请求头过大'],
  INTERNAL_ERROR: [500, '服务器内部错误'],
  QQ_UNAVAILABLE: [503, 'QQ服务暂不可用，请稍后再试'],
  SMS_UNAVAILABLE: [503, '短信发送失败，请稍后再试'],
  OVERLOADED: [503, '服务繁忙，请稍后再试'],
  UNAVAILABLE: [503, '服务暂不可用，请稍后再试'],
} as const satisfies Record<string, readonly [number, Sentence]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What a {@link Problem} may carry besides its code. */
export interface ProblemDetails {
  /** The underlying error: for the log, never for the answer. */
  readonly cause?: unknown;
  /** Seconds until the next try makes sense; sent as `Retry-After`. */
  readonly retryAfter?: number;
  /** The account that the problem concerns: for the audit trail, never for the answer. */
  readonly userId?: number;
  /** `REQUEST_INVALID` only: the sentences about each field. */
  readonly errors?: Readonly<Record<string, readonly string[]>>;
}

/** The one error shape on the wire. */
export interface ProblemBody {
  readonly statusCode: number;
  readonly errorCode: ProblemCode;
  readonly message: string;
  readonly errors?: Readonly<Record<string, readonly string[]>>;
}

/** The JSON of an error. The message is the first field's sentence if there is one. */
export function problemBody(code: ProblemCode, errors?: ProblemDetails['errors']): ProblemBody {
  const [statusCode, sentence] = PROBLEMS[code];
  const message = Object.values(errors ?? {})[0]?.[0] ?? sentence;
  return { statusCode, errorCode: code, message, ...(errors && { errors }) };
}

/** An error of the catalogue. Its answer is meant for the caller. */
export class Problem extends HttpException {
  readonly retryAfter: number | undefined;
  readonly userId: number | undefined;

  constructor(
    readonly code: ProblemCode,
    { cause, retryAfter, userId, errors }: ProblemDetails = {},
  ) {
    super(problemBody(code, errors), PROBLEMS[code][0], { cause });
    this.retryAfter = retryAfter;
    this.userId = userId;
  }

  /** A `REQUEST_INVALID` with one field's sentence. */
  static field(name: string, sentence: Sentence): Problem {
    return new Problem('REQUEST_INVALID', { errors: { [name]: [sentence] } });
  }
}

/** Documents a route's errors, with one example for each code. `OVERLOADED` and `UNAVAILABLE` are always included. */
export function AnswersProblems(...codes: ProblemCode[]): MethodDecorator & ClassDecorator {
  const all = [...new Set<ProblemCode>([...codes, 'OVERLOADED', 'UNAVAILABLE'])];
  const statuses = [...new Set(all.map((code) => PROBLEMS[code][0]))];
  return applyDecorators(
    ...statuses.map((status) => {
      const these = all.filter((code) => PROBLEMS[code][0] === status);
      const examples = Object.fromEntries(these.map((code) => [code, { value: problemBody(code) }]));
      const schema = { $ref: '#/components/schemas/Problem' };
      return ApiResponse({
        status,
        description: these.join(' · '),
        content: { 'application/json': { schema, examples } },
      });
    }),
  );
}
