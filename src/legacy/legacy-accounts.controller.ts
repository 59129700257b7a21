import { Body, Controller, Get, Param, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { AuditRefusals } from '../audit/refusals.js';
import { LoggedIn } from '../auth/logged-in.js';
import { SignIns } from '../auth/sign-ins.js';
import { Client, FromClient } from '../common/client.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { NameLookups } from '../users/name-lookups.js';
import { RegistrationsService } from '../users/registrations.service.js';
import { LegacyConsent } from './legacy-consent.js';
import { LegacyRefusals } from './legacy-refusal.js';
import {
  LegacyMobile,
  LegacyRegisterDto,
  LegacyRegistered,
  LegacySmsQuery,
  LegacyUsername,
} from './legacy.dto.js';

/** Registration, SMS codes and the other routes that the old shop's pages call. */
@ApiExcludeController()
@UseInterceptors(LegacyRefusals)
@Controller('legacy')
export class LegacyAccountsController {
  constructor(
    private readonly consent: LegacyConsent,
    private readonly names: NameLookups,
    private readonly registrations: RegistrationsService,
    private readonly signIns: SignIns,
    private readonly smsCodes: SmsCodeService,
  ) {}

  @Post('users')
  @AuditRefusals('sms')
  async register(@Body() form: LegacyRegisterDto, @FromClient() client: Client): Promise<LegacyRegistered> {
    const { username, password, mobile, sms_code: smsCode } = form;
    const registration = { username, password, mobile, smsCode, termsVersion: this.consent.of(form) };
    const proven = await this.registrations.register(registration, client);
    return new LegacyRegistered(await this.signIns.open(proven, { via: 'sms', client }), mobile);
  }

  @Get('sms_codes/:mobile')
  async sendSms(
    @Param() { mobile }: LegacyMobile,
    @Query() { image_code_id: id, text, image_code: imageCode }: LegacySmsQuery,
    @FromClient() client: Client,
  ): Promise<object> {
    const proof = { imageCodeId: id, imageCode: text ?? imageCode ?? '' };
    await this.smsCodes.send(mobile, proof, client);
    return { message: 'ok' };
  }

  @Get('usernames/:username')
  async countUsername(@Param() { username }: LegacyUsername, @FromClient() client: Client): Promise<object> {
    return { username, count: await this.names.count({ username }, client) };
  }

  @Get('mobiles/:mobile')
  async countMobile(@Param() { mobile }: LegacyMobile, @FromClient() client: Client): Promise<object> {
    return { mobile, count: await this.names.count({ mobile }, client) };
  }

  /** Browsing history is the old shop's own feature. Its page only needs a list here. */
  @Get('histories')
  @LoggedIn()
  histories(): object[] {
    return [];
  }
}
