import type { AgentCapabilities } from "../../../core/contracts/agent.js";
import type { SizedVolume } from "../../../core/contracts/volume.js";
import type { HandlerTable } from "../../../core/dispatch/dispatcher.js";
import { resizeVolume, volumeStats } from "../../../core/messages/volume.js";
import { handlerErrors } from "./errors.js";
import type { VirtSandbox } from "./sandbox.js";

/** A volume of a container, and whoever in its guest knows of it. */
interface Found {
  readonly volume: SizedVolume;
  readonly agent: AgentCapabilities["volume"];
}

/** Answers what is asked of volumes whose size somebody outside manages. */
export function handleSizedVolumes(table: HandlerTable, name: string, sandboxes: () => Iterable<VirtSandbox>): void {
  table.handle(volumeStats, name, async ({ source }) => {
    const { volume, agent } = await find(sandboxes(), source);
    return { json: await agent.stats(volume.guestPath) };
  });
  table.handle(resizeVolume, name, async ({ source, bytes }) => {
    const { volume, agent } = await find(sandboxes(), source);
    await volume.grow(bytes);
    await agent.resize(volume.guestPath, BigInt(bytes));
  });
}

/** That of the first container that has it: the guest has it once. */
async function find(sandboxes: Iterable<VirtSandbox>, source: string): Promise<Found> {
  for (const sandbox of sandboxes) {
    for (const container of sandbox.containers.values()) {
      const volume = container.sizedVolume(source);
      if (volume === undefined) continue;
      const { agent } = await sandbox.parts();
      const capability = agent.capability("volume");
      if (capability === undefined) throw handlerErrors.KATA_VOLUME_AGENT({ source, agent: agent.name });
      return { volume, agent: capability };
    }
  }
  throw handlerErrors.KATA_VOLUME_NOT_HERE({ source });
}
