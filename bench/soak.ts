import { residentMb, startService } from './processes.js';
import { type Setting, serviceEnv } from './rounds.js';
import { Work } from './work.js';

/** Prints the service's resident memory every minute while it serves logins. */
export async function soak(setting: Setting, minutes: number): Promise<void> {
  const service = await startService(serviceEnv(setting, 10));
  const work = new Work(service, setting.loads[0], setting.shop, setting.accounts);
  const sizes: number[] = [];
  try {
    console.log(`idle: ${residentMb(service).toFixed(0)} MB`);
    for (let minute = 1; minute <= minutes; minute++) {
      const end = performance.now() + 60_000;
      while (performance.now() < end) {
        const limits = { connections: 64, seconds: Math.min(10, (end - performance.now()) / 1000) };
        const { outcome } = await work.starts({ ...limits, seconds: limits.seconds / 2 });
        await work.callbacks(outcome.collected, minute % 2 ? 'bound' : 'unbound', limits);
      }
      sizes.push(residentMb(service));
      console.log(`after ${minute} minutes: ${sizes.at(-1)!.toFixed(0)} MB`);
    }
    console.log(`after ${minutes} ÷ after 1: ${(sizes.at(-1)! / sizes[0]!).toFixed(2)}`);
  } finally {
    await service.stop();
  }
}
