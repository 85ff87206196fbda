import { stringifyExact } from "../../src/core/oci/convert-json.js";
import { resourcesFromGrpc } from "../../src/core/oci/convert-resources.js";
import type {
  AgentServiceDefinition,
  ReadStreamRequest,
  ReadStreamResponse,
  StatsContainerResponse,
} from "../../src/core/proto/gen/kata/agent.js";
import type { CallContext, Implementation } from "../../src/core/rpc/definition.js";
import type { ContainerProcess } from "./container/process.js";
import type { ProcessStreams } from "./container/stdio.js";
import { agentErrors, badArgument } from "./errors.js";
import { copyFile } from "./machine/copy-file.js";
import { bringOnline } from "./machine/hotplug.js";
import { addSwap } from "./machine/swap.js";
import { listInterfaces, updateInterface } from "./network/interfaces.js";
import { addNeighbors } from "./network/neighbors.js";
import { readPacketFilter, writePacketFilter } from "./network/packet-filter.js";
import { listRoutes, updateRoutes } from "./network/routes.js";
import { parseNetDev, readCgroupStats } from "./observe/cgroup-stats.js";
import { guestDetails } from "./observe/guest-details.js";
import { agentMetrics } from "./observe/metrics.js";
import type { AgentTools, Sandbox } from "./sandbox.js";
import { readFile } from "node:fs/promises";
import { resizeVolume, volumeStats } from "./storage/volume-size.js";

/** Bytes of one answer with output: well below a message's limit. */
const readLimit = 1024 * 1024;

const largestSignal = 64;
const nothing = {};

/** Milliseconds that CPUs which the host has announced may take to come. */
const onlineTime = 10_000;

/** Milliseconds until a disk has the size that the host has announced. */
const resizeTime = 10_000;

const noBytes = new Uint8Array(0);

/**
 * `grpc.AgentService`: what a host asks of its guest. What is absent here is answered with UNIMPLEMENTED. A
 * refused request has the status and the words of its error.
 */
export function agentService(sandbox: Sandbox, tools: AgentTools): Implementation<typeof AgentServiceDefinition> {
  const { sys, roots, log } = tools;
  let scrapes = 0;

  function processOf(request: { containerId: string; execId: string }): ContainerProcess {
    return sandbox.containers.process(request.containerId, request.execId);
  }

  async function read(
    request: ReadStreamRequest,
    name: "stdout" | "stderr",
    { signal }: CallContext,
  ): Promise<ReadStreamResponse> {
    const { streams } = processOf(request);
    if (request.len === 0) throw badArgument("len", request.len, "at least 1");
    const stream = streams[name];
    const data = await stream?.read(Math.min(request.len, readLimit), signal);
    // No bytes are the end, as Kata's agent answers since 3.26; a terminal has no second output.
    return { data: data ?? noBytes };
  }

  return {
    async createSandbox(request) {
      await sandbox.create(request);
      return nothing;
    },

    async destroySandbox() {
      await sandbox.destroy();
      return nothing;
    },

    async createContainer(request) {
      await sandbox.containers.create(request);
      log.info("created a container", { container: request.containerId });
      return nothing;
    },

    async startContainer({ containerId }) {
      await sandbox.containers.start(containerId);
      return nothing;
    },

    async removeContainer({ containerId }) {
      await sandbox.containers.remove(containerId);
      log.info("removed a container", { container: containerId });
      return nothing;
    },

    async execProcess({ containerId, execId, process }) {
      await sandbox.containers.exec(containerId, execId, process);
      return nothing;
    },

    signalProcess({ containerId, execId, signal }) {
      if (signal < 1 || signal > largestSignal) throw badArgument("signal", signal, `1 to ${largestSignal}`);
      if (execId === "") sandbox.containers.signalAll(containerId, signal);
      else sandbox.containers.process(containerId, execId).signal(signal);
      return nothing;
    },

    async waitProcess({ containerId, execId }, { signal }) {
      return { status: await sandbox.containers.wait(containerId, execId, signal) };
    },

    async updateContainer({ containerId, resources }) {
      if (resources === undefined) throw badArgument("resources", undefined, "an object");
      // Which devices a container may use is the guest's to say.
      const { devices: _devices, ...limits } = resourcesFromGrpc(resources);
      await sandbox.containers.update(containerId, stringifyExact(limits));
      return nothing;
    },

    async statsContainer({ containerId }): Promise<StatsContainerResponse> {
      const { cgroup } = sandbox.containers.get(containerId);
      const [cgroupStats, devices] = await Promise.all([
        readCgroupStats(cgroup.directory),
        readFile(`${roots.proc}/net/dev`, "latin1"),
      ]);
      return { cgroupStats, networkStats: parseNetDev(devices) };
    },

    async pauseContainer({ containerId }) {
      await sandbox.containers.pause(containerId);
      return nothing;
    },

    async resumeContainer({ containerId }) {
      await sandbox.containers.resume(containerId);
      return nothing;
    },

    async writeStdin(request) {
      const { containerId: id, execId, data } = request;
      const { stdin }: ProcessStreams = processOf(request).streams;
      if (data.length === 0) {
        await stdin.end();
      } else if (stdin.closed) {
        throw agentErrors.KATA_GUEST_STDIN_CLOSED({ id, execId });
      } else {
        await stdin.write(data).catch((cause: unknown) => {
          throw agentErrors.KATA_GUEST_STDIN_CLOSED({ id, execId }, { cause });
        });
      }
      return { len: data.length };
    },

    readStdout: (request, context) => read(request, "stdout", context),
    readStderr: (request, context) => read(request, "stderr", context),

    async closeStdin(request) {
      await processOf(request).streams.stdin.end();
      return nothing;
    },

    ttyWinResize(request) {
      const { containerId: id, execId, row: rows, column: columns } = request;
      const { master } = processOf(request).streams;
      if (master === undefined) throw agentErrors.KATA_GUEST_NO_TERMINAL({ id, execId });
      sys.terminals.resize(master, { rows, columns });
      return nothing;
    },

    getGuestDetails: (request) => guestDetails(request, roots),

    async getOOMEvent(_request, { signal }) {
      return { containerId: await sandbox.oom.next(signal) };
    },

    async getMetrics() {
      scrapes += 1;
      return { metrics: await agentMetrics(roots, scrapes) };
    },

    async onlineCPUMem({ wait, nbCpus: cpus, cpuOnly }) {
      await bringOnline(roots, { wait, cpus, cpuOnly, ms: onlineTime }, log);
      return nothing;
    },

    async addSwap({ PCIPath: slots }) {
      const place = slots.map((slot) => slot.toString(16).padStart(2, "0")).join("/");
      await addSwap(tools, place);
      return nothing;
    },

    async addSwapPath({ path }) {
      await addSwap(tools, path);
      return nothing;
    },

    async updateInterface({ interface: wanted }) {
      if (wanted === undefined) throw badArgument("interface", undefined, "an interface");
      return updateInterface(tools, wanted);
    },

    updateRoutes: ({ routes }) => ({ Routes: updateRoutes(sys, routes?.Routes ?? []) }),

    listInterfaces: () => ({ Interfaces: listInterfaces(sys) }),

    listRoutes: () => ({ Routes: listRoutes(sys) }),

    addARPNeighbors({ neighbors }) {
      addNeighbors(sys, neighbors?.ARPNeighbors ?? []);
      return nothing;
    },

    getIPTables: async ({ isIpv6 }) => ({ data: await readPacketFilter(tools, isIpv6) }),

    setIPTables: async ({ isIpv6, data }) => ({ data: await writePacketFilter(tools, isIpv6, data) }),

    copyFile(request) {
      copyFile(sys, roots, request);
      return nothing;
    },

    getVolumeStats: ({ volumeGuestPath }) => volumeStats(tools, volumeGuestPath),

    async resizeVolume({ volumeGuestPath, size }) {
      await resizeVolume(tools, volumeGuestPath, size, resizeTime);
      return nothing;
    },

    setGuestDateTime({ Sec: seconds, Usec: microseconds }) {
      if (microseconds < 0n || microseconds > 999_999n) throw badArgument("Usec", microseconds, "0 to 999999");
      sys.machine.setTime({ seconds, nanoseconds: Number(microseconds) * 1000 });
      return nothing;
    },

    reseedRandomDev({ data }) {
      if (data.length === 0 || data.length > 4096) throw badArgument("data", data.length, "1 to 4096 bytes");
      sys.machine.reseed(data);
      return nothing;
    },
  };
}
