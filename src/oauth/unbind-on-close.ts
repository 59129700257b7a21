import { Injectable, OnModuleInit } from '@nestjs/common';
import { OwnAccountService } from '../users/own-account.service.js';
import { BindReceipts } from './bind-receipts.js';
import { QqBindings, unboundQq } from './qq-bindings.js';

/** Unbinds every QQ of an account in the transaction that closes it, and ends their bind tokens. */
@Injectable()
export class UnbindOnClose implements OnModuleInit {
  constructor(
    private readonly bindings: QqBindings,
    private readonly ownAccounts: OwnAccountService,
    private readonly receipts: BindReceipts,
  ) {}

  onModuleInit(): void {
    this.ownAccounts.onClose(async (userId, tx) => {
      const removed = await this.bindings.removeAll(userId, tx);
      await Promise.all(removed.map((row) => this.receipts.close(unboundQq(row))));
    });
  }
}
