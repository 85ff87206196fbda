import { readFileSync, writeFileSync } from "node:fs";
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
  /** What was skipped, to be run where it can be. */
  readonly left: readonly SkippedTest[];
}

/** A test that was skipped, and its compiled file. */
interface SkippedTest {
  readonly title: string;
  readonly file: string;
}

/** The titles in the file that `KATA_TS_TEST_ONLY` names, of the only tests that are to be run; undefined without it. */
function onlyTitles(): RegExp | undefined {
  const file = process.env["KATA_TS_TEST_ONLY"];
  if (file === undefined) return undefined;
  const titles = JSON.parse(readFileSync(file, "utf8")) as string[];
  return new RegExp(`^(?:${titles.map((title) => title.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|")})$`);
}

/**
 * mocha's `spec` reporter, which also prints why each skipped test was skipped, and counts one that does not say why as
 * failed. Writes its totals to the file that `KATA_TS_TEST_TOTALS` names. Has those tests alone run that are in the file that
 * `KATA_TS_TEST_ONLY` names.
 */
class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const skipped: string[] = [];
    const silent: string[] = [];
    const failures: string[] = [];
    const left: SkippedTest[] = [];
    const only = onlyTitles();
    if (only !== undefined) runner.grep(only, false);
    runner.on("fail", (test, error: unknown) => failures.push(`${test.fullTitle()}: ${gistOf(error)}`));
    runner.on("pending", (test) => {
      const reason = reasonOf(test);
      left.push({ title: test.fullTitle(), file: test.file ?? "" });
      if (reason === undefined) silent.push(test.fullTitle());
      else skipped.push(`${test.fullTitle()}: ${reason}`);
    });
    runner.once("end", () => {
      for (const line of skipped) console.log(`  skipped: ${line}`);
      for (const line of silent) console.log(`  skipped without a reason, which counts as failed: ${line}`);
      const file = process.env["KATA_TS_TEST_TOTALS"];
      failures.push(...silent.map((title) => `${title}: skipped without a reason`));
      const passed = runner.stats?.passes ?? 0;
      const totals: Totals = { passed, failed: failures.length, skipped: skipped.length, failures, left };
      if (file !== undefined) writeFileSync(file, JSON.stringify(totals));
    });
  }
}

export default Reporter;
