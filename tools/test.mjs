// `npm test`: sets the machine up, builds, and runs all tests: first those that need neither root nor a machine.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { installNodes } from "./nodes.mjs";
import { buildNydus, findNydus } from "./nydus.mjs";
import { environment, installModules, installPackages, root, run, testPackages } from "./setup.mjs";

const started = Date.now();
const only = process.argv.slice(2);

installModules();
run("npm", ["run", "--silent", "build"]);
run("npm", ["run", "--silent", "lint"]);

const directory = mkdtempSync(join(tmpdir(), "kata-ts-test-"));
/** Whether a part of the tests is to be run: all are but those of `more`, unless some are named. */
const wanted = (name) => (only.length === 0 && !name.startsWith("more")) || only.includes(name);

const integrationSpecs = (...names) => names.map((name) => `dist/test/integration/${name}.test.js`);

/** Integration tests that are run where the kernel has what this machine's may lack: vhost, an IOMMU, all links. */
const hostSpecs = integrationSpecs("sys/*", "network/*", "hypervisors/qemu-host", "containerd/physical", "cri/links");

/** And those of machines in this process, which need KVM. */
const kvmSpecs = integrationSpecs(
  "hypervisors/dragonball-hotplug",
  "sizing/dragonball",
  "vmm/linux-guest",
  "vmm/saved-guest",
  "run/template",
);

/** And what takes too long there for every run. Parts, since one machine does not live for ever; each has a name of its own. */
const moreSpecs = {
  containers: integrationSpecs("containers/dragonball"),
  containerd: integrationSpecs("containerd/dragonball*"),
  recovery: integrationSpecs("faults/recovery", "cgroups/sandbox"),
  snapshotters: integrationSpecs("containerd/devmapper", "storage/rootfs-erofs"),
  disks: integrationSpecs("storage/rootfs-block", "storage/volume-block"),
  volumes: integrationSpecs(
    ...["copy", "empty-dir", "ephemeral"].map((one) => `storage/volume-${one}`),
    "storage/volumes",
  ),
  templates: integrationSpecs("run/template-pair"),
  sizing: integrationSpecs("sizing/qemu", "testing/conformance"),
};

/** What takes too long for every run on this machine. */
const longSpecs = integrationSpecs("faults/recovery-storage");

const sum = { passed: 0, failed: 0, skipped: 0 };
/** What failed, with the part's name: said once more at the end, where the eye is. */
const failures = [];

/**
 * Runs one part of the tests, on the host machine if told so; a part that breaks before it has counted is one failure.
 * `timeout` is that of one test, in milliseconds, `seconds` the life of the host machine; `only` has the titles of the tests that are run, all unless told. Gives
 * what was counted, with what is left (`test/support/reporter.ts`); nothing is said of that by a part that broke. What it leaves
 * in `temporary`, a directory for all its temporary files, is a failure.
 */
function part(name, { specs, without = [], timeout, onHostMachine = false, seconds, only, temporary }) {
  console.log(`\n== ${name}`);
  const file = `${name.replaceAll(/[ ,]+/g, "-")}.json`;
  const totalsFile = join(directory, file);
  const args = ["node_modules/mocha/bin/mocha.js", "--no-config", "--forbid-only", "--exit", "--recursive"];
  args.push("--timeout", String(timeout), "--reporter", "dist/test/support/reporter.js", ...specs);
  for (const spec of without) args.push("--ignore", spec);
  const host = [
    "dist/test/support/host-vm/main.js",
    "--out",
    directory,
    "--seconds",
    String(seconds),
    "--",
    process.execPath,
  ];
  const all = onHostMachine ? [...host, ...args] : args;
  const env = { ...environment, KATA_TS_TEST_TOTALS: onHostMachine ? `/mnt/host-vm/${file}` : totalsFile };
  if (only !== undefined) {
    writeFileSync(join(directory, "only.json"), JSON.stringify(only));
    env.KATA_TS_TEST_ONLY = onHostMachine ? "/mnt/host-vm/only.json" : join(directory, "only.json");
  }
  if (temporary !== undefined) env.TMPDIR = temporary;
  delete env.NODE_EXTRA_CA_CERTS;
  const attempt = () => spawnSync(process.execPath, all, { cwd: root, stdio: "inherit", env });
  let result = attempt();
  if (onHostMachine && !existsSync(totalsFile)) {
    // Processors that are emulated, with what virtual machines need of them, have been seen to lose their way.
    console.error(`${name}: the machine has died under its tests, and is started once more`);
    result = attempt();
  }
  const ended = `mocha ended with ${result.signal ?? result.status}`;
  let totals = { passed: 0, failed: 1, skipped: 0, failures: [`${ended} before it had counted`] };
  try {
    totals = JSON.parse(readFileSync(totalsFile, "utf8"));
  } catch {
    console.error(`${name}: ${totals.failures[0]}`);
  }
  if (result.status !== 0 && totals.failed === 0) {
    totals.failed = 1;
    totals.failures.push(`${ended} without a failed test`);
  }
  const left = temporary === undefined ? [] : readdirSync(temporary);
  if (left.length > 0) {
    totals.failed++;
    totals.failures.push(`left behind among temporary files: ${left.slice(0, 20).join(", ")}`);
  }
  failures.push(...totals.failures.map((failure) => `${name}: ${failure}`));
  for (const key of Object.keys(sum)) sum[key] += totals[key];
  return totals;
}

/**
 * Runs on the host machine those tests of `specs` that this machine could not run (`left`); all of them when that is not
 * known. They are machines of their own: one that dies takes no more with it than its part.
 */
function hostPart(name, specs, left, seconds = 1200) {
  const common = { timeout: 400_000, onHostMachine: true, seconds };
  if (left === undefined) {
    part(name, { specs, ...common });
    return;
  }
  const patterns = specs.map((spec) => new RegExp(`/${spec.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`));
  const wantedThere = left.filter(({ file }) => patterns.some((pattern) => pattern.test(file)));
  if (wantedThere.length === 0) return;
  const files = [...new Set(wantedThere.map(({ file }) => relative(root, file)))];
  part(name, { specs: files, ...common, only: wantedThere.map(({ title }) => title) });
  // They were counted as skipped when this machine could not run them, and are counted once.
  sum.skipped -= wantedThere.length;
}

try {
  if (wanted("unit")) {
    // A short name: sockets are in it.
    const temporary = mkdtempSync(join(tmpdir(), "ktu-"));
    part("unit", { specs: ["dist/test/unit/**/*.test.js"], timeout: 20_000, temporary });
    rmSync(temporary, { recursive: true });
  }
  const integration = wanted("integration");
  const host = wanted("host");
  const more = wanted("more");
  const moreParts = Object.entries(moreSpecs).filter(([name]) => more || wanted(`more-${name}`));
  if (integration || host || more || moreParts.length > 0) {
    installPackages(testPackages);
    run(process.execPath, ["dist/src/bin/kata-ts/main.js", "guest", "build"]);
    if (more) buildNydus(environment);
    findNydus(environment);
  }
  if (integration) installNodes();
  const everything = { specs: ["dist/test/integration/**/*.test.js"], without: longSpecs, timeout: 180_000 };
  const left = integration ? part("integration", everything).left : undefined;
  if (host) hostPart("host machine", hostSpecs, left);
  if (host) hostPart("host machine with KVM", kvmSpecs, left);
  const here = [...longSpecs, ...(integration ? [] : integrationSpecs("storage/rootfs-nydus"))];
  if (more) part("more, here", { specs: here, timeout: 180_000 });
  for (const [name, specs] of moreParts) hostPart(`more on the host machine, ${name}`, specs, left, 2400);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`\nall parts took ${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;
