import { Injectable } from '@nestjs/common';

/** Whether the process was told to stop. Readiness and the `Connection` header depend on it. */
@Injectable()
export class Lifecycle {
  stopping = false;
}
