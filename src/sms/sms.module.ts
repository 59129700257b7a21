import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { AnyHumanCheck, HumanCheck } from './human-check.js';
import { ImageCodeService } from './image-code.service.js';
import { ProofOfWork } from './proof-of-work.js';
import { SmsCodeStore } from './sms-code-store.js';
import { SmsCodeService } from './sms-code.service.js';
import { HumanChecksController } from './human-checks.controller.js';
import { openGateway } from './open-gateway.js';
import { SmsGateway } from './sms-gateway.js';

@Module({
  controllers: [HumanChecksController],
  providers: [
    ImageCodeService,
    ProofOfWork,
    SmsCodeService,
    SmsCodeStore,
    {
      provide: HumanCheck,
      inject: [Config, ProofOfWork, ImageCodeService],
      useFactory: (config: Config, altcha: ProofOfWork, picture: ImageCodeService): HumanCheck =>
        new AnyHumanCheck(config.HUMAN_CHECK.map((name) => ({ altcha, picture })[name])),
    },
    { provide: SmsGateway, inject: [Config], useFactory: openGateway },
  ],
  exports: [ImageCodeService, SmsCodeService],
})
export class SmsModule {}
