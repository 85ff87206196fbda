// `npm run demo`: from a machine with nothing but Node to a container in a virtual machine of its own, saying how long each
// step took; a second run says how much faster it was than the first.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { environment, installModules, installPackages, machinePackages, qemuPackages, root, run } from "./setup.mjs";

const timings = [];
const step = (name, work) => {
  const begun = performance.now();
  const value = work();
  timings.push({ name, ms: Math.round(performance.now() - begun) });
  return value;
};

/** A root file system of the distribution's busybox and nothing else. */
function makeRootfs(directory) {
  for (const name of ["bin", "dev", "etc", "proc", "sys", "tmp"]) mkdirSync(join(directory, name));
  cpSync("/bin/busybox", join(directory, "bin", "busybox"));
  const { stdout } = spawnSync("/bin/busybox", ["--list"], { encoding: "utf8" });
  for (const applet of stdout.split("\n")) {
    if (applet !== "" && applet !== "busybox") symlinkSync("busybox", join(directory, "bin", applet));
  }
}

step("npm packages", installModules);
step("build", () => run(process.execPath, ["tools/build.mjs", "--if-changed"]));
const kata = ["dist/src/bin/kata-ts/main.js"];
// What the container below will run in, which says what this machine needs for it.
const { chooseHypervisor, formatChosen } = await import("../dist/src/bin/kata-ts/choose-hypervisor.js");
const choice = await chooseHypervisor();
console.log(choice === undefined ? "the machine is the configuration's choice" : formatChosen(choice));
const needed =
  choice?.name === "dragonball" ? machinePackages.filter((name) => !qemuPackages.has(name)) : machinePackages;
step("packages of the distribution", () => installPackages(needed));
step("guest image", () => run(process.execPath, [...kata, "guest", "build"]));

const directory = mkdtempSync(join(tmpdir(), "kata-ts-demo-"));
try {
  const rootfs = join(directory, "rootfs");
  mkdirSync(rootfs);
  step("root file system", () => makeRootfs(rootfs));
  const command = 'echo "hello from a container"; echo "guest kernel: $(uname -r)"';
  const env = { ...environment };
  delete env.NODE_EXTRA_CA_CERTS;
  console.log("\nrunning busybox in a virtual machine of its own:");
  step("container", () =>
    run(process.execPath, [...kata, "run", "--timings", rootfs, "--", "/bin/sh", "-c", command], { env }),
  );
  console.log(`host kernel:  ${release()}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const total = timings.reduce((sum, { ms }) => sum + ms, 0);
const rows = [...timings, { name: "all", ms: total }];
const memory = join(root, "dist", "demo-timings.json");
const before = existsSync(memory) ? JSON.parse(readFileSync(memory, "utf8")) : undefined;
const firstTime = (name) => before?.find((row) => row.name === name)?.ms;
for (const { name, ms } of rows) {
  const first = firstTime(name);
  const note = first === undefined ? "" : `   first run: ${String(first).padStart(6)} ms`;
  console.log(`${name.padEnd(30)} ${String(ms).padStart(8)} ms${note}`);
}
if (before === undefined) {
  mkdirSync(dirname(memory), { recursive: true });
  writeFileSync(memory, JSON.stringify(rows));
  console.log("\nThe packages, the build and the guest image are kept: the next run is faster.");
} else {
  // What was saved stands in the rows: this names the steps that made the difference, the largest first.
  const saved = timings
    .map(({ name, ms }) => ({ name, ms: (firstTime(name) ?? ms) - ms }))
    .filter(({ ms }) => ms > 100)
    .sort((a, b) => b.ms - a.ms);
  const times = ((firstTime("all") ?? total) / total).toFixed(1);
  const by = saved.map(({ name, ms }) => `${name} ${ms} ms`).join(", ");
  console.log(`\nThis run was ${times} times as fast as the first.${by === "" ? "" : ` Saved: ${by}.`}`);
}
