import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { architectureOf } from "../../../guest/image/architecture.js";
import { cpioArchive } from "../../../guest/image/cpio.js";
import { FileTree } from "../../../guest/image/file-tree.js";
import { KernelModules } from "../../../guest/image/kernel-modules.js";
import { findKernel } from "../../../guest/image/kernel-package.js";
import { withDeadline } from "../../../src/core/deadline.js";
import type { BootFile } from "../../../src/vmm/boot/kernel/kernel-image.js";
import type { MicroVmSpec } from "../../../src/vmm/machine-spec.js";
import type { MicroVm } from "../../../src/vmm/micro-vm.js";

/** The distribution's kernel with busybox, and nothing else: its console is a shell. */
const init = `#!/bin/busybox sh
/bin/busybox --install /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs memory /tmp
while read -r module; do insmod "/modules/$module" || echo "no module $module"; done </modules/order
stty -echo; export PS1=
echo guest is up
exec sh
`;

/** What such a guest boots, with modules for the devices that a test gives it. */
export async function consoleGuest(modules: readonly string[]): Promise<Pick<MicroVmSpec, "kernel" | "initrd">> {
  const directory = mkdtempSync(join(tmpdir(), "kata-ts-console-guest-"));
  try {
    const found = await findKernel(architectureOf(process.arch), directory);
    const tree = new FileTree();
    for (const name of ["bin", "dev", "proc", "sys", "tmp", "modules"]) tree.directory(`/${name}`);
    tree.copy("/bin/busybox", "/bin/busybox", 0o755);
    tree.file("/init", init, 0o755);
    const ordered = await new KernelModules(found.modules, found.release).inLoadOrder(["virtio_mmio", ...modules]);
    for (const { name, data } of ordered) tree.file(`/modules/${name}.ko`, data);
    tree.file("/modules/order", ordered.map(({ name }) => `${name}.ko\n`).join(""));
    const kernel: BootFile = { name: found.image, bytes: readFileSync(found.image) };
    return { kernel, initrd: { name: "busybox", bytes: cpioArchive(tree, 0) } };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The other end of such a guest's console. */
export class GuestShell {
  #shown = "";
  #more: () => void = () => undefined;
  #last = 0;
  #machine: Pick<MicroVm, "input"> | undefined;

  /** All that was shown so far. */
  get shown(): string {
    return this.#shown;
  }

  /** For `MicroVmSpec.onConsole`. */
  readonly show = (bytes: Uint8Array): void => {
    this.#shown += Buffer.from(bytes).toString("latin1");
    this.#more();
  };

  /** Waits until the shell is there. */
  async open(machine: Pick<MicroVm, "input">): Promise<void> {
    this.#machine = machine;
    await this.#see("guest is up", 180_000);
  }

  /** Types a line, and waits for nothing. */
  type(line: string): void {
    this.#machine?.input(Buffer.from(`${line}\n`));
  }

  /** Runs a command; what it writes. */
  async run(command: string, ms = 60_000): Promise<string> {
    const number = ++this.#last;
    // In two pieces, so that a console that echoes does not end it.
    this.type(`echo "begin"${number}; ${command}; echo "end"${number}`);
    await this.#see(`end${number}`, ms);
    const text = this.#shown.replaceAll("\r", "");
    return text.slice(
      text.lastIndexOf(`begin${number}\n`) + `begin${number}\n`.length,
      text.lastIndexOf(`end${number}`),
    );
  }

  async #see(text: string, ms: number): Promise<void> {
    const context = () => `the console ends: ${this.#shown.slice(-600)}`;
    await withDeadline({ ms, what: `${text} on the guest's console`, context }, async (signal) => {
      signal.addEventListener("abort", () => this.#more(), { once: true });
      while (!this.#shown.includes(text) && !signal.aborted) {
        await new Promise<void>((resolve) => (this.#more = resolve));
      }
    });
  }
}
