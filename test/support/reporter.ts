import { writeFileSync } from "node:fs";
import Mocha from "mocha";
import { skipReason } from "./skip.js";

function reasonOf(test: Mocha.Test): string | undefined {
  for (let at: Mocha.Test | Mocha.Suite | undefined = test; at !== undefined; at = at.parent) {
    const reason: unknown = Reflect.get(at, skipReason);
    if (typeof reason === "string") return reason;
  }
  return undefined;
}

/** The beginning of why: three lines, for a property that fails names its seed in the second and what it failed with in the third. */
const gistOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n", 3).join("  ").slice(0, 800);

/** What a run comes to, as it is written for who started it. */
interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Titles of what failed, with the gist of why. */
  readonly failures: readonly string[];
}

/**
 * mocha's `spec` reporter, which also prints why each skipped test was skipped, and counts one that does not say why as
 * failed. Writes its totals to the file that `KATA_TS_TEST_TOTALS` names.
 */
class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const skipped: string[] = [];
    const silent: string[] = [];
    const failures: string[] = [];
    runner.on("fail", (test, error: unknown) => failures.push(`${test.fullTitle()}: ${gistOf(error)}`));
    runner.on("pending", (test) => {
      const reason = reasonOf(test);
      if (reason === undefined) silent.push(test.fullTitle());
      else skipped.push(`${test.fullTitle()}: ${reason}`);
    });
    runner.once("end", () => {
      for (const line of skipped) console.log(`  skipped: ${line}`);
      for (const line of silent) console.log(`  skipped without a reason, which counts as failed: ${line}`);
      const file = process.env["KATA_TS_TEST_TOTALS"];
      failures.push(...silent.map((title) => `${title}: skipped without a reason`));
      const passed = runner.stats?.passes ?? 0;
      const totals: Totals = { passed, failed: failures.length, skipped: skipped.length, failures };
      if (file !== undefined) writeFileSync(file, JSON.stringify(totals));
    });
  }
}

export default Reporter;
