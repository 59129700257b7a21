import { Matches } from 'class-validator';

/** Mainland mobile numbers in use today; as the contract gives it (the seed's `1[345789]` refuses newer ones). */
export const MOBILE = /^1[3-9]\d{9}$/;

export const INVALID_MOBILE = '手机号格式不正确';

/** Validates a DTO field as a mobile number. */
export const IsMobile = (): PropertyDecorator => Matches(MOBILE, { message: INVALID_MOBILE });

/** `13800138000` → `138****8000`: what an answer or a log line may show of it. */
export function maskMobile(mobile: string): string {
  return `${mobile.slice(0, 3)}****${mobile.slice(-4)}`;
}
