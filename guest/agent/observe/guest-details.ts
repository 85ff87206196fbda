import { existsSync, readFileSync } from "node:fs";
import type { GuestDetailsRequest, GuestDetailsResponse } from "../../../src/core/proto/gen/kata/agent.js";
import { deviceTypes } from "../container/plugged-devices.js";
import type { AgentRoots } from "../roots.js";
import { storageDrivers } from "../storage/drivers.js";
import { agentVersion } from "../version.js";

/** Features a host may look for: the output of a process stays to be read after it was waited for. */
const features = ["wait-keeps-output"];

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return undefined;
  }
}

/** What the guest says of itself. */
export function guestDetails(request: GuestDetailsRequest, roots: AgentRoots): GuestDetailsResponse {
  const memory = `${roots.sys}/devices/system/memory`;
  const blockSize = request.memBlockSize ? readText(`${memory}/block_size_bytes`) : undefined;
  return {
    memBlockSizeBytes: blockSize !== undefined && /^[0-9a-f]{1,16}$/i.test(blockSize) ? BigInt(`0x${blockSize}`) : 0n,
    supportMemHotplugProbe: request.memHotplugProbe && existsSync(`${memory}/probe`),
    agentDetails: {
      version: agentVersion,
      initDaemon: process.pid === 1,
      deviceHandlers: [...deviceTypes],
      storageHandlers: Object.keys(storageDrivers),
      supportsSeccomp: /^Seccomp:/m.test(readText(`${roots.proc}/self/status`) ?? ""),
      extraFeatures: features,
    },
  };
}
