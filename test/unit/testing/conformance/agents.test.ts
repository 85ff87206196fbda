import { plugin as kata } from "../../../../src/plugins/agents/kata/index.js";
import { type FakeAgent, type TrialGuest } from "../../../../src/testing/index.js";
import { type AgentMethods, FakeGuest } from "../../plugins/agents/kata/fake-guest.js";
import { keepsPromises } from "../../../support/keeps-promises.js";

/** The agent's protocol, answered by an agent in memory. What the protocol has more than that is left out. */
const methods = (agent: FakeAgent): AgentMethods => {
  const nothing = async (done: Promise<unknown>): Promise<object> => {
    await done;
    return {};
  };
  const setup = { sharedPidNamespace: false, guestHookPath: "", kernelModules: [], storages: [] };
  return {
    createSandbox: ({ sandboxId, hostname, dns }) =>
      nothing(agent.createSandbox({ ...setup, sandboxId, hostname, dns })),
    destroySandbox: () => nothing(agent.destroySandbox()),
    createContainer: ({ containerId, OCI }) => {
      const { Args: args = [], Cwd: cwd = "/" } = OCI?.Process ?? {};
      const spec = { ociVersion: "1.0.0", process: { args, cwd, user: { uid: 0, gid: 0 } } };
      return nothing(agent.createContainer({ ...setup, containerId, spec, devices: [] }));
    },
    startContainer: () => nothing(agent.startContainer()),
    removeContainer: ({ containerId }) => nothing(agent.removeContainer(containerId)),
    pauseContainer: () => nothing(agent.pauseContainer()),
    resumeContainer: () => nothing(agent.resumeContainer()),
    statsContainer: async () => {
      const { pids } = await agent.stats();
      const pidsStats = { current: pids?.current ?? 0n, limit: 0n };
      return {
        networkStats: [],
        cgroupStats: {
          cpuStats: undefined,
          memoryStats: undefined,
          pidsStats,
          blkioStats: undefined,
          hugetlbStats: {},
        },
      };
    },
    execProcess: ({ containerId, execId }) =>
      nothing(agent.execProcess({ containerId, execId }, { args: [], cwd: "/", user: { uid: 0, gid: 0 } })),
    signalProcess: ({ containerId, execId, signal }) => nothing(agent.signalProcess({ containerId, execId }, signal)),
    waitProcess: async (process) => ({ status: await agent.waitProcess(process) }),
    ttyWinResize: ({ row: rows, column: columns, ...process }) =>
      nothing(agent.resizeTerminal(process, { rows, columns })),
    writeStdin: async ({ data, ...process }) => {
      await agent.writeStdin(process, data);
      return { len: data.length };
    },
    closeStdin: (process) => nothing(agent.closeStdin(process)),
    readStdout: async ({ len, ...process }) => ({ data: (await agent.readStdout(process, len)) ?? new Uint8Array() }),
    readStderr: async ({ len, ...process }) => ({ data: (await agent.readStderr(process, len)) ?? new Uint8Array() }),
  };
};

async function guest(behind: FakeAgent): Promise<TrialGuest> {
  const made = new FakeGuest(methods(behind));
  await made.listen();
  let closing: Promise<void> | undefined;
  return { address: made.address, die: () => made.die(), close: () => (closing ??= made.close()) };
}

describe("agents keep what their kind promises", () => {
  keepsPromises(kata, { guest: (_place, behind) => guest(behind) });
});
