import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { describeConformance } from "kata-ts/testing";
import { plugin } from "./index.js";

/** A program that does nothing until it is ended, in the place of a machine. */
const program = "/tmp/example-vmm";
writeFileSync(program, "#!/bin/sh\nexec sleep 1000\n");
chmodSync(program, 0o700);

describeConformance({ describe, it }, plugin, {
  toml: `program = ${JSON.stringify(program)}`,
  device: (directory) => ({
    kind: "block",
    id: "disk",
    path: join(directory, "disk"),
    readOnly: true,
    driver: "example",
  }),
  crash: ({ pid }) => void process.kill(pid, "SIGKILL"),
});
