import { Injectable } from '@nestjs/common';

/** Whether the process has been told to stop. Readiness and the `Connection` header follow it. */
@Injectable()
export class Lifecycle {
  stopping = false;
}
