import { expect } from "chai";
import type { Finished } from "./program.js";

/** Text of a configuration whose machines go on from a template, with `memory` MiB each. */
export function templateConfig({ memory, template }: { readonly memory: number; readonly template: string }): string {
  const lines = [
    "[runtime]",
    'hypervisor_name = "dragonball"',
    "[hypervisor.dragonball]",
    'shared_fs = "inline-virtio-fs"',
    `default_memory = ${memory}`,
    "[hypervisor.dragonball.factory]",
    "enable_template = true",
    `template_path = ${JSON.stringify(template)}`,
    "[agent.kata]",
    "reconnect_timeout_ms = 300000",
  ];
  return `${lines.join("\n")}\n`;
}

/** What a guest draws, what time it has, and whether it reads what it has written. */
export const copyScript =
  "head -c 16 /dev/urandom | od -An -tx1; date +%s; dd if=/dev/urandom bs=64k count=16 2>/dev/null | tee /file | md5sum; md5sum </file";

/** Expects `copyScript` to have run in a machine from the template, by `kata-ts run --timings`; what its guest has drawn. */
export function expectCopy({ status, stdout, stderr }: Finished): string {
  expect(status, stderr).to.equal(0);
  const [random = "", time, written, read] = stdout.trim().split("\n");
  expect(random).to.match(/^([0-9a-f]{2} ){15}[0-9a-f]{2}$/);
  expect(Math.abs(Number(time) - Date.now() / 1000), "seconds beside the clock").to.be.lessThan(60);
  expect(read).to.equal(written);
  expect(stderr)
    .to.match(/^a guest of its own +\d+ ms$/m)
    .and.not.include("cannot be used");
  return random;
}
