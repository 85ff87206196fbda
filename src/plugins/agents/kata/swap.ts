import type { GuestDevice } from "../../../core/contracts/guest.js";
import type { AgentCalls } from "./calls.js";
import { agentErrors } from "./errors.js";

const subject = "the guest's swap";

/** AddSwap for a disk on PCI, whose slots the protocol has as numbers, and AddSwapPath for one whose path is known. */
export async function addSwap(calls: AgentCalls, { type, id, vmPath }: GuestDevice): Promise<void> {
  if (vmPath !== "") {
    await calls.request(subject, (agent, options) => agent.addSwapPath({ path: vmPath }, options));
    return;
  }
  const isPath = type === "blk" && /^[0-9a-f]{1,2}(\/[0-9a-f]{1,2})*$/i.test(id);
  if (!isPath) throw agentErrors.KATA_AGENT_SWAP_PLACE({ type, place: id });
  const PCIPath = id.split("/").map((slot) => Number.parseInt(slot, 16));
  await calls.request(subject, (agent, options) => agent.addSwap({ PCIPath }, options));
}
