import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccountEvent } from './account-event.entity.js';
import { AuditPruner } from './audit-pruner.js';
import { AuditTrail } from './audit-trail.js';
import { AuditWriter } from './audit-writer.js';
import { Refusals } from './refusals.js';

@Module({
  imports: [TypeOrmModule.forFeature([AccountEvent])],
  providers: [AuditPruner, AuditTrail, AuditWriter, Refusals],
  exports: [AuditTrail, AuditWriter, Refusals],
})
export class AuditModule {}
