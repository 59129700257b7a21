/**
 * Every sentence that an answer can contain, with its English. The code uses the Chinese sentence, which is the key
 * here. `http/language.ts` replaces it when the client prefers English.
 */
const ENGLISH = {
  // The error catalogue (problem.ts)
  请求参数不正确: 'The request is not valid',
  '登录状态已失效，请重新使用QQ登录': 'This login has expired. Log in with QQ again',
  跳转地址不合法: 'This address cannot be returned to',
  'QQ授权已失效，请重新登录': "QQ's authorization has expired. Log in again",
  无效的token: 'The token is not valid',
  验证码错误: 'The SMS code is wrong',
  图形验证码错误: 'The picture code is wrong',
  '人机验证未通过，请重试': 'The human check failed. Try again',
  密码错误: 'The password is wrong',
  用户名或密码错误: 'The username or password is wrong',
  账号已停用: 'This account is disabled',
  '该QQ已绑定账号，请直接登录': 'This QQ is already bound to an account. Log in with it',
  '该QQ绑定存在冲突，请联系客服': 'The bindings of this QQ conflict. Contact support',
  手机号已注册: 'This mobile number is already registered',
  用户名已存在: 'This username is taken',
  请先阅读并同意用户协议和隐私政策: 'Read and agree to the Terms of Service and the Privacy Policy first',
  请先登录: 'Log in first',
  来源不被允许: 'This origin is not allowed',
  未找到: 'Not found',
  请求内容过大: 'The request body is too large',
  请求地址过长: 'The request URL is too long',
  不支持的内容类型: 'The content type is not supported',
  '操作过于频繁，请稍后再试': 'Too many requests. Try again later',
  请求头过大: 'The request headers are too large',
  服务器内部错误: 'Internal server error',
  'QQ服务暂不可用，请稍后再试': 'QQ is not available now. Try again later',
  '短信发送失败，请稍后再试': 'The SMS could not be sent. Try again later',
  '服务繁忙，请稍后再试': 'The service is busy. Try again later',
  '服务暂不可用，请稍后再试': 'The service is not available now. Try again later',
  // Validation of fields
  手机号格式不正确: 'Enter a mobile number of mainland China, 11 digits',
  '该手机号无法接收短信，请换一个手机号': 'This mobile number cannot receive our SMS. Use another one',
  短信验证码应为6位数字: 'The SMS code has 6 digits',
  密码应为8至20个字符: 'A password has 8 to 20 characters',
  '密码过于常见，请换一个': 'This password is too common. Choose another one',
  密码不能包含手机号: 'The password must not contain the mobile number',
  密码不能与用户名相同: 'The password must differ from the username',
  '用户名应为5至20个字母、数字或下划线，且不能是手机号':
    'A username has 5 to 20 letters, digits or underscores, and is not a mobile number',
  请输入用户名或手机号: 'Enter your username or mobile number',
  请输入密码: 'Enter a password',
  请输入当前密码: 'Enter your current password',
  图形验证码编号应为UUID: "The picture's id must be a UUID",
  请完成人机验证: 'Complete the human check',
  请输入图形验证码: 'Enter the picture code',
  图形验证码应为4个字符: 'The picture code has 4 characters',
  跳转地址应为一个路径: 'The address to return to must be a path',
  缺少QQ授权码: "QQ's code is missing",
  缺少state: 'state is missing',
  缺少token: 'token is missing',
  协议版本格式不正确: 'The terms version is not valid',
  缺少access_token: 'access_token is missing',
  编号应为整数: 'The id must be an integer',
  编号应为正数: 'The id must be positive',
  编号过大: 'The id is too large',
  limit应为整数: 'limit must be an integer',
  limit至少为1: 'limit must be at least 1',
  limit最多为100: 'limit must be at most 100',
  before应为整数: 'before must be an integer',
  before至少为1: 'before must be at least 1',
  before过大: 'before is too large',
  // Successes
  '手机号已更换，请重新登录': 'The mobile number has been changed. Log in again',
  验证码已发送: 'The SMS code has been sent',
  '密码已修改，请重新登录': 'The password has been changed. Log in again',
  '如果该手机号已注册，密码已重设，请使用新密码':
    'If this mobile number is registered, its password has been reset. Use the new one',
} as const;

/** A sentence of the catalogue, in Chinese. */
export type Sentence = keyof typeof ENGLISH;

const KNOWN: ReadonlyMap<string, string> = new Map(Object.entries(ENGLISH));

/** The English of a sentence. A text that is not in the catalogue is returned unchanged. */
export function inEnglish(text: string): string {
  return KNOWN.get(text) ?? text;
}

/** Whether the catalogue has this sentence. */
export function isSentence(text: string): text is Sentence {
  return KNOWN.has(text);
}
