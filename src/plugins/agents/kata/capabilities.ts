import type { AgentCapabilities } from "../../../core/contracts/agent.js";
import { codeOf } from "../../../core/errors/error.js";
import type { AgentCalls } from "./calls.js";
import { agentErrors } from "./errors.js";
import { networkCapability } from "./network.js";
import { addSwap } from "./swap.js";

/** Ids as the agent may name them: what a guest says is checked before it is used as a key or in a log. */
const idPattern = /^[A-Za-z0-9][\w.-]{0,255}$/;

/** All capabilities of the agent's protocol. An agent that lacks one answers its calls with UNIMPLEMENTED. */
export function agentCapabilities(calls: AgentCalls): AgentCapabilities {
  return {
    network: networkCapability(calls),
    "online-cpu-mem": {
      async online({ wait, cpus, cpuOnly }) {
        const request = { wait, nbCpus: cpus, cpuOnly };
        await calls.request("the guest's CPUs and memory", (agent, options) => agent.onlineCPUMem(request, options));
      },
    },
    "copy-file": {
      async copyFile({ path, size, mode, directoryMode, uid, gid, offset, data }) {
        const [fileSize, from] = [BigInt(size), BigInt(offset)];
        const request = { path, uid, gid, data, fileSize, offset: from, fileMode: mode, dirMode: directoryMode };
        await calls.request(`the guest's file ${path}`, (agent, options) => agent.copyFile(request, options));
      },
    },
    clock: {
      async setTime(time) {
        const ms = time.getTime();
        const seconds = Math.floor(ms / 1000);
        const request = { Sec: BigInt(seconds), Usec: BigInt((ms - seconds * 1000) * 1000) };
        await calls.request("the guest's clock", (agent, options) => agent.setGuestDateTime(request, options));
      },
      async reseed(data) {
        await calls.request("the guest's entropy", (agent, options) => agent.reseedRandomDev({ data }, options));
      },
    },
    policy: {
      async setPolicy(policy) {
        await calls.request("the agent's policy", (agent, options) => agent.setPolicy({ policy }, options));
      },
    },
    metrics: {
      metrics: async () => (await calls.request("", (agent, options) => agent.getMetrics({}, options))).metrics,
    },
    swap: { add: (device) => addSwap(calls, device) },
    oom: { events: (signal) => oomEvents(calls, signal) },
    volume: {
      async stats(volumeGuestPath) {
        const call = await calls.request(`the volume at ${volumeGuestPath}`, (agent, options) =>
          agent.getVolumeStats({ volumeGuestPath }, options),
        );
        return JSON.stringify(call, (_key, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
      },
      async resize(volumeGuestPath, size) {
        await calls.request(`the volume at ${volumeGuestPath}`, (agent, options) =>
          agent.resizeVolume({ volumeGuestPath, size }, options),
        );
      },
    },
  };
}

/** Ends when `signal` aborts or the connection does. */
async function* oomEvents(calls: AgentCalls, signal: AbortSignal): AsyncGenerator<string> {
  while (!signal.aborted) {
    let containerId: string;
    try {
      ({ containerId } = await calls.wait("", (agent, options) => agent.getOOMEvent({}, options), signal));
    } catch (error) {
      if (signal.aborted || codeOf(error) === "KATA_RPC_CONNECTION_LOST") return;
      throw error;
    }
    if (!idPattern.test(containerId)) {
      const what = `a container named ${JSON.stringify(containerId.slice(0, 80))}`;
      throw agentErrors.KATA_AGENT_ANSWER({ rpc: "GetOOMEvent", what });
    }
    yield containerId;
  }
}
