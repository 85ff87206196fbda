import { defineErrors, KataError, messageOf } from "../../../core/errors/error.js";

/** What can go wrong with an agent beside what it answers itself. */
export const agentErrors = defineErrors({
  KATA_AGENT_NOT_CONNECTED: {
    status: "FAILED_PRECONDITION",
    message: (p: { rpc: string }) => `${p.rpc} was not sent: the agent is not connected`,
  },
  KATA_AGENT_LOST: {
    status: "UNAVAILABLE",
    message: (p: { address: string }) => `the agent at ${p.address} has ended the connection`,
  },
  KATA_AGENT_CLOSED: {
    status: "UNAVAILABLE",
    message: (p: { address: string }) => `the connection to the agent at ${p.address} is being closed`,
  },
  KATA_AGENT_UNHEALTHY: {
    status: "UNAVAILABLE",
    message: (p: { address: string; serving: number }) =>
      `the agent at ${p.address} says that it is not serving (status ${p.serving})`,
  },
  KATA_AGENT_SWAP_PLACE: {
    status: "UNIMPLEMENTED",
    message: (p: { type: string; place: string }) =>
      `the agent's protocol names disks for swap by slots of PCI or by a path, not by ${p.place} (${p.type}); set block_device_driver = "virtio-blk-pci" or "virtio-blk-mmio"`,
  },
  KATA_AGENT_ANSWER: {
    status: "DATA_LOSS",
    message: (p: { rpc: string; what: string }) => `the guest's answer to ${p.rpc} makes no sense: ${p.what}`,
  },
});

/**
 * A failed call as the caller gets it: code and status stay those of the answer, and the message says whom it was about.
 */
export function aboutSubject(subject: string, error: unknown): unknown {
  if (!(error instanceof KataError) || subject === "") return error;
  return new KataError(error.code, error.status, `${subject}: ${messageOf(error)}`, { cause: error.cause });
}
