import { defineErrors } from "../errors/error.js";

/** Why a guest cannot have swap, or no more of it. */
export const swapErrors = defineErrors({
  KATA_SWAP_MACHINE: {
    status: "UNIMPLEMENTED",
    message: (p: { hypervisor: string; driver: string; there: readonly string[] }) =>
      `enable_guest_swap is true, and swap is a disk that is plugged into a machine that runs: the hypervisor ${p.hypervisor} plugs ${p.there.join(", ") || "none"}, and block_device_driver is ${p.driver}`,
  },
  KATA_SWAP_AGENT: {
    status: "UNIMPLEMENTED",
    message: (p: { agent: string }) =>
      `enable_guest_swap is true, and the agent ${p.agent} cannot have its guest use swap; leave the key out, or use another agent`,
  },
  KATA_SWAP_DIRECTORY: {
    status: "FAILED_PRECONDITION",
    message: (p: { directory: string; problem: string }) =>
      `swap files cannot be made in ${p.directory} (guest_swap_path): ${p.problem}`,
  },
  KATA_SWAP_SPACE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { directory: string; bytes: number; availableBytes: number; promisedBytes: number }) =>
      `${p.directory} (guest_swap_path) has no room for ${p.bytes} bytes of swap: ${p.availableBytes} bytes are free, of which other swap files may come to need ${p.promisedBytes}; set another guest_swap_path, or a smaller guest_swap_size_percent`,
  },
});
