/** placeholder until the database lane lands */
export function violatedUnique(_error: unknown): 'username' | 'mobile' | 'openid' | 'unionid' | undefined {
  return undefined;
}
