/** The middle of the values; NaN of none. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/**
 * Measures several things in turns, so that a noisy moment strikes all alike: each once per round. Gives all values of each,
 * by name; a first round, which finds caches cold, is not counted.
 */
export async function inTurns<Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(sides) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await sides[name]();
      if (round > 0) values[name].push(value);
    }
  }
  return values;
}
