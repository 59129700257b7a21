/** Prefixes of our variables alone. `REDIS_` and `DATABASE_` are not among them: Kubernetes sets such names. */
const OWN_PREFIXES = /^(?:QQ|SMS|JWT|BCRYPT|SHUTDOWN|TERMS|BRAND|HUMAN_CHECK|IMAGE_CODE|BIND_TOKEN)_/;
const READ_IN_LOWER_CASE = ['http_proxy', 'https_proxy', 'no_proxy'];
/** Characters. A shorter name is within two letters of too many other names. */
const SHORTEST = 6;

/** Sentences about variables in the environment that look like misspelt names of the service's. */
export function misspelt(env: NodeJS.ProcessEnv, known: readonly string[]): string[] {
  return Object.keys(env)
    .filter((name) => env[name] && !known.includes(name) && !READ_IN_LOWER_CASE.includes(name))
    .flatMap((name) => {
      const meant = nearest(name, known);
      // Two similar names that are both set are not a mistake.
      if (meant && env[meant] && !OWN_PREFIXES.test(name)) return [];
      if (meant) return [`${name}: is not read; ${meant} may be meant`];
      return OWN_PREFIXES.test(name) ? [`${name}: is not read; there is no such setting`] : [];
    });
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const letters = lettersOf(name);
  return known.find((candidate) => {
    const wanted = lettersOf(candidate);
    if (letters === wanted) return true;
    const allowed = Math.min(letters.length, wanted.length) < SHORTEST ? 0 : wanted.length < 9 ? 1 : 2;
    return distance(letters, wanted) <= allowed;
  });
}

const lettersOf = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');

/** The number of letters to insert, delete, replace or swap with a neighbour (optimal string alignment). */
function distance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 2) return Infinity;
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      let least = Math.min(replaced, rows[i - 1]![j]! + 1, row[j - 1]! + 1);
      if (from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[from.length]![to.length]!;
}
