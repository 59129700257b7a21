import { Matches } from 'class-validator';

/** Mobile numbers of mainland China. Older patterns such as `1[345789]` refuse the newer prefixes. */
export const MOBILE = /^1[3-9]\d{9}$/;

export const INVALID_MOBILE = '手机号格式不正确';

/** Validates a DTO field as a mobile number. */
export const IsMobile = (): PropertyDecorator => Matches(MOBILE, { message: INVALID_MOBILE });

/** `13800138000` → `138****8000`: the form for answers and log lines. */
export function maskMobile(mobile: string): string {
  return `${mobile.slice(0, 3)}****${mobile.slice(-4)}`;
}
