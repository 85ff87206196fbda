import { defineErrors } from "../../../core/errors/error.js";

export const handlerErrors = defineErrors({
  KATA_CONTAINER_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string; sandbox: string }) =>
      `the container "${p.id}" exists already, in the sandbox "${p.sandbox}"`,
  },
  KATA_CONTAINER_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { id: string; there: readonly string[] }) =>
      `no container "${p.id}"; there are: ${p.there.join(", ") || "none"}`,
  },
  KATA_PROCESS_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { id: string; execId: string; there: readonly string[] }) =>
      `no process "${p.execId}" in the container "${p.id}"; there are: ${p.there.join(", ") || "none"}`,
  },
  KATA_PROCESS_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string; execId: string }) =>
      `the process "${p.execId}" exists already in the container "${p.id}"`,
  },
  KATA_PROCESS_FINISHED: {
    status: "NOT_FOUND",
    message: (p: { what: string }) => `${p.what}: process already finished`,
  },
  KATA_VOLUME_NOT_HERE: {
    status: "NOT_FOUND",
    message: (p: { source: string }) => `no container here has a volume of ${p.source} whose size can be managed`,
  },
  KATA_VOLUME_AGENT: {
    status: "UNIMPLEMENTED",
    message: (p: { source: string; agent: string }) =>
      `the volume ${p.source}: the agent "${p.agent}" cannot tell of volumes, nor resize them`,
  },
  KATA_SANDBOX_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { container: string; sandbox: string; there: readonly string[] }) =>
      `the container "${p.container}" belongs to the sandbox "${p.sandbox}", which is not here; there are: ${p.there.join(", ") || "none"}`,
  },
  KATA_SANDBOX_ENDED: {
    status: "FAILED_PRECONDITION",
    message: (p: { container: string; sandbox: string }) =>
      `the container "${p.container}" belongs to the sandbox "${p.sandbox}", whose own container has ended; the pod must be made anew`,
  },
  KATA_SANDBOX_HERE: {
    status: "ALREADY_EXISTS",
    message: (p: { sandbox: string }) => `the sandbox "${p.sandbox}" is served by this very process`,
  },
  KATA_SPEC_UNSUPPORTED: {
    status: "UNIMPLEMENTED",
    message: (p: { field: string; value: string; reason: string }) =>
      `config.json asks for ${p.field} = ${p.value}, which is not supported: ${p.reason}`,
  },
  KATA_SPEC_INVALID: {
    status: "INVALID_ARGUMENT",
    message: (p: { field: string; problem: string }) => `config.json: ${p.field} ${p.problem}`,
  },
  KATA_DEVICE_NO_DISKS: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string }) =>
      `the device ${p.path} is a disk, and containers have none where disable_block_device_use is set ([hypervisor.*])`,
  },
  KATA_CGROUP_ABSENT: {
    status: "FAILED_PRECONDITION",
    message: (p: { asked: readonly string[]; problem: string }) =>
      `limits are asked for that a cgroup of the host would keep (${p.asked.join(", ")}), and the sandbox has none: ${p.problem}`,
  },
  KATA_VCPU_PINNING: {
    status: "FAILED_PRECONDITION",
    message: (p: { tid: number; cpus: readonly number[] }) =>
      `the thread ${p.tid}, which runs the guest, cannot be pinned to the CPUs ${p.cpus.join(", ")} ([runtime] enable_vcpus_pinning, linux.resources.cpu.cpus)`,
  },
  KATA_VCPU_PINNING_UNSUPPORTED: {
    status: "FAILED_PRECONDITION",
    message: (p: { hypervisor: string }) =>
      `[runtime] enable_vcpus_pinning is set, but the hypervisor ${p.hypervisor} does not tell which threads run the guest`,
  },
  KATA_VM_DIED: {
    status: "UNAVAILABLE",
    message: (p: { sandbox: string; how: string; console: readonly string[] }) =>
      `the virtual machine of the sandbox "${p.sandbox}" ended by itself (${p.how})${consoleText(p.console)}`,
  },
  KATA_GUEST_PANIC: {
    status: "UNAVAILABLE",
    message: (p: { sandbox: string; reason: string; console: readonly string[] }) =>
      `the guest's kernel of the sandbox "${p.sandbox}" panicked: ${p.reason}; its console says:\n${indented(p.console.slice(0, shownLines))}`,
  },
  KATA_AGENT_LOST: {
    status: "UNAVAILABLE",
    message: (p: { sandbox: string; console: readonly string[] }) =>
      `the agent of the sandbox "${p.sandbox}" is gone${consoleText(p.console)}`,
  },
  KATA_SHARE_LOST: {
    status: "UNAVAILABLE",
    message: (p: { sandbox: string }) => `the shared directory of the sandbox "${p.sandbox}" is gone`,
  },
});

/** Lines of the console that a message shows: a guest must not fill it, and its end says most. */
const shownLines = 25;

/** The end of the guest's console as a part of a message. */
export function consoleText(lines: readonly string[]): string {
  return lines.length === 0 ? "; its console is empty" : `; its console ends:\n${indented(lines.slice(-shownLines))}`;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}
