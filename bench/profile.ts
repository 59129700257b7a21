import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startService } from './processes.js';
import { type Setting, serviceEnv } from './rounds.js';
import { Work } from './work.js';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SECONDS = 6;
const MOST = 40;

/** Prints the CPU time of each hot path, by package and by function (`node --cpu-prof`, self time). */
export async function profile(setting: Setting): Promise<void> {
  const limits = { connections: 64, seconds: SECONDS };
  await setting.shop.setCost(4);
  await profiled(setting, 'authorization URL', 10, async (work) => void (await work.starts(limits)));
  await profiled(setting, 'login of a bound QQ', 10, async (work) => {
    await work.callbacks(await work.states(SECONDS * 3000), 'bound', limits);
  });
  await profiled(setting, 'who am I', 10, async (work) => {
    const { outcome } = await work.callbacks(await work.states(1), 'bound', { ...limits, connections: 1 });
    await work.get('/user/', limits, `Authorization: Bearer ${outcome.collected[0]}\r\n`);
  });
  await profiled(setting, 'bind, new account, bcrypt 4', 4, async (work) => {
    await work.binds(await work.tokens(SECONDS * 500), 'new', { ...limits, connections: 32 });
  });
}

/** Profiles a separate service. The figures include what prepares the work (starts, callbacks). */
async function profiled(
  setting: Setting,
  title: string,
  cost: number,
  use: (work: Work) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'qq-bench-'));
  const options = ['--cpu-prof', `--cpu-prof-dir=${directory}`];
  const service = await startService(serviceEnv(setting, cost), options);
  await use(new Work(service, setting.loads[0], setting.shop, setting.accounts));
  await service.stop();
  const [file] = readdirSync(directory);
  console.log(`\n## ${title}`);
  summarise(JSON.parse(readFileSync(join(directory, file!), 'utf8')) as Profile);
  rmSync(directory, { recursive: true });
}

function summarise({ nodes, samples, timeDeltas }: Profile): void {
  const self = new Map<number, number>();
  samples.forEach((id, index) => self.set(id, (self.get(id) ?? 0) + timeDeltas[index]!));
  const [byPackage, byFunction] = [new Map<string, number>(), new Map<string, number>()];
  let total = 0;
  for (const { id, callFrame } of nodes) {
    const time = self.get(id) ?? 0;
    if (time === 0 || isOutside(callFrame)) continue;
    total += time;
    const name = packageOf(callFrame.url);
    byPackage.set(name, (byPackage.get(name) ?? 0) + time);
    const where = `${callFrame.functionName || '(anonymous)'} ${name}:${callFrame.url.split('/').at(-1)}:${callFrame.lineNumber + 1}`;
    byFunction.set(where, (byFunction.get(where) ?? 0) + time);
  }
  for (const [title, times] of [
    ['package', byPackage],
    ['function', byFunction],
  ] as const) {
    console.log(`\nby ${title}`);
    const sorted = [...times].toSorted(([, a], [, b]) => b - a).slice(0, MOST);
    for (const [name, time] of sorted)
      console.log(`${((time / total) * 100).toFixed(1).padStart(5)} %  ${name}`);
  }
}

/** Waiting, and loading modules at the start. */
function isOutside({ functionName, url }: Profile['nodes'][number]['callFrame']): boolean {
  return (
    /^\((?:idle|program|root)\)$/.test(functionName) || /internal\/(?:modules|deps\/cjs)|typescript/.test(url)
  );
}

function packageOf(url: string): string {
  const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (name) return name;
  return url.startsWith('file:') ? `src${/\/dist\/src(\/\w+)/.exec(url)?.[1] ?? ''}` : url || 'native';
}
