// `npm test`: sets the machine up, builds, and runs all tests: first those that need neither root nor a machine.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment, installModules, installPackages, root, run, testPackages } from "./setup.mjs";

const started = Date.now();
const only = process.argv.slice(2);

installModules();
run("npm", ["run", "--silent", "build"]);
run("npm", ["run", "--silent", "lint"]);

const directory = mkdtempSync(join(tmpdir(), "kata-ts-test-"));
const sum = { passed: 0, failed: 0, skipped: 0 };

/** Runs one part of the tests; a part that breaks before it has counted is one failure. */
function part(name, spec, timeout) {
  console.log(`\n== ${name}`);
  const totalsFile = join(directory, `${name.replaceAll(" ", "-")}.json`);
  const args = ["node_modules/mocha/bin/mocha.js", "--no-config", "--forbid-only", "--exit", "--recursive"];
  args.push("--timeout", String(timeout), "--reporter", "dist/test/support/reporter.js", spec);
  const env = { ...environment, KATA_TS_TEST_TOTALS: totalsFile };
  delete env.NODE_EXTRA_CA_CERTS;
  const result = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env });
  let totals = { passed: 0, failed: 1, skipped: 0 };
  try {
    totals = JSON.parse(readFileSync(totalsFile, "utf8"));
  } catch {
    console.error(`${name}: mocha ended with ${result.signal ?? result.status} before it had counted`);
  }
  if (result.status !== 0 && totals.failed === 0) totals.failed = 1;
  for (const key of Object.keys(sum)) sum[key] += totals[key];
}

try {
  if (only.length === 0 || only.includes("unit")) part("unit", "dist/test/unit/**/*.test.js", 20_000);
  if (only.length === 0 || only.includes("integration")) {
    installPackages(testPackages);
    run(process.execPath, ["dist/src/bin/kata-ts/main.js", "guest", "build"]);
    part("integration", "dist/test/integration/**/*.test.js", 180_000);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log(`\nall parts took ${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;
