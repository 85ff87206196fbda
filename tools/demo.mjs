// `npm run demo`: from a machine with nothing but Node to a container in a virtual machine of its own, saying how long each
// step took; a second run says how much faster it was than the first.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { environment, installModules, installPackages, machinePackages, root, run } from "./setup.mjs";

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

step("packages of the distribution", () => installPackages(machinePackages));
step("npm packages", installModules);
step("build", () => run("npm", ["run", "--silent", "build"]));
const kata = ["dist/src/bin/kata-ts/main.js"];
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

const memory = join(root, "dist", "demo-timings.json");
const before = existsSync(memory) ? JSON.parse(readFileSync(memory, "utf8")) : undefined;
const total = timings.reduce((sum, { ms }) => sum + ms, 0);
for (const { name, ms } of [...timings, { name: "all", ms: total }]) {
  const first = before?.find((one) => one.name === name)?.ms;
  const note = first === undefined ? "" : `   first run: ${first} ms`;
  console.log(`${name.padEnd(30)} ${String(ms).padStart(8)} ms${note}`);
}
if (before === undefined) {
  mkdirSync(dirname(memory), { recursive: true });
  writeFileSync(memory, JSON.stringify([...timings, { name: "all", ms: total }]));
  console.log("\nThe packages, the build and the guest image are kept: the next run is faster.");
} else {
  console.log("\nPackages, build and guest image were there already and were reused.");
}
