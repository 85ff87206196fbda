import { pluginErrors } from "./errors.js";

/**
 * The driver that fits best: `score` above 0 means it fits, the highest wins. None and a tie are errors that name the kind,
 * the input and the drivers there are.
 */
export function mostSpecific<D extends { readonly name: string }>(
  kind: string,
  drivers: readonly D[],
  score: (driver: D) => number,
  describeInput: () => string,
): D {
  let best: D[] = [];
  let highest = 0;
  for (const driver of drivers) {
    const value = score(driver);
    if (value > highest) [best, highest] = [[driver], value];
    else if (value === highest && value > 0) best.push(driver);
  }
  const [winner, second] = best;
  if (winner === undefined) {
    const there = drivers.map((driver) => driver.name);
    throw pluginErrors.KATA_PLUGIN_NO_MATCH({ kind, input: describeInput(), there });
  }
  if (second !== undefined) {
    const tied = best.map((driver) => driver.name);
    throw pluginErrors.KATA_PLUGIN_TIE({ kind, input: describeInput(), tied });
  }
  return winner;
}
