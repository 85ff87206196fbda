import { describeError } from "../errors/error.js";
import { formatSkipped, pluginErrors, type Skipped } from "./errors.js";

/**
 * Plugins to choose from by `match`. `skipped` are those that are left out since they failed, when they were made or
 * matched; it grows with these.
 */
export type Candidates<D> = readonly D[] & { readonly skipped?: readonly Skipped[] };

/**
 * The driver that fits best: `score` above 0 means it fits, the highest wins. None and a tie are errors that name the kind,
 * the input and the drivers there are. One whose `score` throws, or is no number, does not fit.
 */
export function mostSpecific<D extends { readonly name: string }>(
  kind: string,
  drivers: Candidates<D>,
  score: (driver: D) => number,
  describeInput: () => string,
): D {
  let best: D[] = [];
  let highest = 0;
  const failed: Skipped[] = [];
  for (const driver of drivers) {
    const value = scoreOf(driver, score, failed);
    if (value > highest) [best, highest] = [[driver], value];
    else if (value === highest && value > 0) best.push(driver);
  }
  const [winner, second] = best;
  if (winner === undefined) {
    const left = [...(drivers.skipped ?? []), ...failed];
    const there = drivers.map(({ name }) => name).filter((name) => !left.some((one) => one.name === name));
    const skipped = formatSkipped(left);
    throw pluginErrors.KATA_PLUGIN_NO_MATCH({ kind, input: describeInput(), there, skipped });
  }
  if (second !== undefined) {
    const tied = best.map((driver) => driver.name);
    throw pluginErrors.KATA_PLUGIN_TIE({ kind, input: describeInput(), tied });
  }
  return winner;
}

/** Those that a `PluginSource` made have their failures noted and give 0 then; others are noted here. */
function scoreOf<D extends { readonly name: string }>(
  driver: D,
  score: (driver: D) => number,
  failed: Skipped[],
): number {
  try {
    return score(driver);
  } catch (error) {
    failed.push({ name: driver.name, reason: describeError(error) });
    return 0;
  }
}
