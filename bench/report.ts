import type { Figure } from './work.js';

export interface Pair {
  ours?: Figure;
  /** Hand-written, with the same round trips. */
  handWritten?: Figure;
  /** Hand-written, with the fewest round trips. */
  fewest?: Figure;
}

type Who = keyof Pair;

/** The figures of one round. */
export interface Measured {
  start?: { readonly seconds: number };
  bcrypt?: { readonly rate: number };
  bareRoute?: Pair;
  authorizationUrl?: Pair;
  login?: Pair;
  loginWithSlowQq?: Pair;
  unboundCallback?: Pair;
  whoAmI?: Pair;
  bindNew?: Pair;
  bindExisting?: Pair;
  bindNewCost4?: Pair;
  bindExistingCost4?: Pair;
  loginsBesideBinds?: Pair;
  bindsBesideLogins?: Pair;
  steadyLogins?: Pair;
  steadyLoginsBesideBinds?: Pair;
  bindsBesideSteadyLogins?: Pair;
  overflow?: Pair;
}

/** A row with medians over the rounds. */
export interface Row {
  readonly work: string;
  readonly ours?: Median;
  readonly handWritten?: Median;
  readonly fewest?: Median;
  /** Our rate divided by that of the hand-written server: the median of the rounds' ratios. */
  readonly ratio?: number;
  /** Our rate divided by that of the server with the fewest round trips. */
  readonly fewestRatio?: number;
  readonly note?: string;
}

export interface Median {
  readonly rate: number;
  readonly cpuMs?: number;
  readonly p50?: number;
  readonly p99?: number;
}

type Name = keyof Measured;

const PAIRS: [Name, string][] = [
  ['bareRoute', 'a route that does nothing'],
  ['authorizationUrl', 'authorization URL'],
  ['login', 'login of a bound QQ'],
  ['loginWithSlowQq', 'the same, QQ at 50 ms a call, 100 connections'],
  ['unboundCallback', 'callback of an unbound QQ'],
  ['whoAmI', 'who am I (hand-written: one Redis command and one SQL statement; fewest: none)'],
  ['bindNew', 'bind, new account, bcrypt 10'],
  ['bindExisting', 'bind, existing account, bcrypt 10'],
  ['bindNewCost4', 'bind, new account, bcrypt 4'],
  ['bindExistingCost4', 'bind, existing account, bcrypt 4'],
  ['loginsBesideBinds', 'logins beside binds (bcrypt 10)'],
  ['bindsBesideLogins', 'binds beside those logins'],
  ['steadyLogins', '200 logins a second'],
  ['steadyLoginsBesideBinds', '200 logins a second beside binds (bcrypt 10)'],
  ['bindsBesideSteadyLogins', 'binds beside 200 logins a second'],
];

/** The rows of the table. */
export function rowsOf(rounds: readonly Measured[]): Row[] {
  const rate = (name: Name, who: Who) => medianOf(rounds, name, who)?.rate ?? NaN;
  const bcrypt = median(rounds.map((round) => round.bcrypt!.rate));
  const overflow = rounds.map(({ overflow }) => overflow!.ours!.outcome);
  const refused = overflow.flatMap(({ slowest: { OVERLOADED } }) =>
    OVERLOADED === undefined ? [] : [OVERLOADED],
  );
  const rows: Row[] = [{ work: 'bcrypt 10 alone, on all cores', handWritten: { rate: bcrypt } }];
  for (const [name, work] of PAIRS) {
    const [ours, handWritten, fewest] = (['ours', 'handWritten', 'fewest'] as const).map((who) =>
      medianOf(rounds, name, who),
    );
    rows.push({
      work,
      ...(ours && { ours }),
      ...(handWritten && { handWritten }),
      ...(fewest && { fewest }),
      ...(ours && handWritten && { ratio: ratioOf(rounds, name, 'handWritten') }),
      ...(ours && fewest && { fewestRatio: ratioOf(rounds, name, 'fewest') }),
    });
  }
  const steady = medianOf(rounds, 'steadyLogins', 'ours')!.p99!;
  const besides = medianOf(rounds, 'steadyLoginsBesideBinds', 'ours')!.p99!;
  rows.push(
    { work: 'bind, new account, bcrypt 10 ÷ bcrypt alone', ratio: rate('bindNew', 'ours') / bcrypt },
    { work: 'p99 of 200 logins a second: beside binds ÷ without them', ratio: besides / steady },
    {
      work: 'binds beside 200 logins a second ÷ binds alone',
      ratio: rate('bindsBesideSteadyLogins', 'ours') / rate('bindNew', 'ours'),
    },
    {
      work: 'overflow: slowest OVERLOADED',
      note: `${refused.length > 0 ? `${median(refused).toFixed(0)} ms` : 'nothing was refused'} (${JSON.stringify(overflow[0]!.outcomes)})`,
    },
    {
      work: 'cold start to ready',
      note: `${median(rounds.map((round) => round.start!.seconds)).toFixed(2)} s`,
    },
  );
  return rows;
}

/** The rows in Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ work, ours, handWritten, fewest, ratio, fewestRatio, note }) => {
    const cells = [work, note ?? text(ours), text(handWritten), ratio?.toFixed(2) ?? ''];
    return `| ${[...cells, text(fewest), fewestRatio?.toFixed(2) ?? ''].join(' | ')} |`;
  });
  const head = '| Work | ours | hand-written, same round trips | ratio | fewest round trips | ratio |';
  return [head, '| --- | ---: | ---: | ---: | ---: | ---: |', ...lines].join('\n');
}

function text(figure: Median | undefined): string {
  if (!figure) return '';
  const { rate, cpuMs, p50, p99 } = figure;
  const parts = [`${rate < 100 ? rate.toFixed(1) : rate.toFixed(0)}/s`];
  if (cpuMs !== undefined && !Number.isNaN(cpuMs)) parts.push(`${cpuMs.toFixed(2)} ms CPU`);
  if (p50 !== undefined && p99 !== undefined) parts.push(`p50 ${p50.toFixed(0)}, p99 ${p99.toFixed(0)} ms`);
  return parts.join(', ');
}

function medianOf(rounds: readonly Measured[], name: Name, who: Who): Median | undefined {
  const figures = rounds
    .map((round) => (round[name] as Pair | undefined)?.[who])
    .filter((one) => one !== undefined);
  if (figures.length === 0) return undefined;
  const of = (key: 'rate' | 'cpuMs' | 'p50' | 'p99') => median(figures.map((figure) => figure[key]));
  return { rate: of('rate'), cpuMs: of('cpuMs'), p50: of('p50'), p99: of('p99') };
}

/** Each round compares what was measured one after the other. */
function ratioOf(rounds: readonly Measured[], name: Name, other: Who): number {
  return median(
    rounds.flatMap((round) => {
      const pair = round[name] as Pair | undefined;
      const [ours, theirs] = [pair?.ours, pair?.[other]];
      return ours && theirs ? [ours.rate / theirs.rate] : [];
    }),
  );
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
