import type { Row } from "./row.js";
import { median } from "./turns.js";

/** Times of one boot of both sides, by name. */
export type Times<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/**
 * Measures both sides in machines that are booted anew each time, since where a kernel lies in memory makes some percent when
 * it is emulated. Gives what makes rows of the medians of all; `other` says what the second name is of.
 */
export async function rowsOfBoots<Name extends string>(
  boots: number,
  timesOfBoot: (number: number) => Promise<Times<Name>>,
  other: string,
) {
  const all: Times<Name>[] = [];
  for (let boot = 0; boot < boots; boot++) all.push(await timesOfBoot(boot));
  return (name: string, unit: string, [own, bare]: readonly [Name, Name], limit: number): Row => {
    const value = median(all.flatMap((times) => times[own]));
    const against = { name: other, value: median(all.flatMap((times) => times[bare])) };
    return { name, value, unit, against, ratio: value / against.value, limit };
  };
}
