import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { promisify } from "node:util";
import { formatOrigin } from "../../../core/config/source.js";
import { describeError, messageOf } from "../../../core/errors/error.js";
import { probeKvm } from "../../../core/kvm/probe.js";
import type { CheckContext, HostFinding } from "../../../core/plugin/host-check.js";
import { guestFiles } from "../../../core/hypervisor/guest-files.js";
import { findQemu } from "./program.js";

const run = promisify(execFile);

async function checkProgram({ config }: CheckContext): Promise<HostFinding> {
  const name = "QEMU";
  try {
    const program = findQemu(config.hypervisor.path, formatOrigin(config.hypervisorOrigin("path")));
    const { stdout } = await run(program, ["--version"], { timeout: 5000, maxBuffer: 2 ** 16 });
    const version = /version (\S+)/.exec(stdout)?.[1];
    if (version !== undefined) return { name, state: "ok", detail: `${program}, version ${version}` };
    return { name, state: "missing", detail: `${program} does not tell a version`, remedy: "install qemu-system-x86" };
  } catch (error) {
    return { name, state: "missing", detail: describeError(error), remedy: "apt-get install qemu-system-x86" };
  }
}

function checkGuest({ config, roots }: CheckContext): HostFinding {
  const name = "guest";
  try {
    const where = (key: string) => formatOrigin(config.hypervisorOrigin(key));
    const { kernel, image, initrd } = guestFiles(config.hypervisor, {
      hypervisor: "qemu",
      cache: roots.guestCache,
      where,
    });
    return { name, state: "ok", detail: [kernel, image, initrd].filter((file) => file !== undefined).join(", ") };
  } catch (error) {
    return { name, state: "missing", detail: messageOf(error), remedy: "kata-ts guest build" };
  }
}

async function checkKvm(): Promise<HostFinding> {
  const { usable, reason } = await probeKvm();
  if (usable) return { name: "KVM", state: "ok", detail: reason };
  const remedy =
    "turn on virtualization in the firmware, or nested virtualization for this machine; load kvm_intel or kvm_amd";
  return { name: "KVM", state: "degraded", detail: `${reason}; guests are emulated, some ten times slower`, remedy };
}

function checkVsock(): HostFinding {
  const name = "vsock";
  const device = "/dev/vhost-vsock";
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return { name, state: "ok", detail: device };
  } catch (error) {
    const detail = `${messageOf(error)}; guests are reached by virtio-serial`;
    return { name, state: "degraded", detail, remedy: "modprobe vhost_vsock" };
  }
}

/** What this host has of what a QEMU machine needs: the program, a guest, KVM and vsock. Changes nothing. */
export async function checkHost(context: CheckContext): Promise<readonly HostFinding[]> {
  const [program, kvm] = await Promise.all([checkProgram(context), checkKvm()]);
  return [program, checkGuest(context), kvm, checkVsock()];
}
