import type { Explanations } from "./explanation.js";

const answered = (meaning: string, cure: string) => ({
  cause: `The other side, mostly the agent in the guest, answered a call: ${meaning}.`,
  cure,
});

const seeMessage = "Read its own words in the message.";

/** Of calls: ttrpc, the guest's sockets, the agent, and telling a guest what is plugged. */
export const calls: Explanations = {
  KATA_RPC_CANCELLED: {
    cause: "A call was given up, by whoever made it or by the other side.",
    cure: "Nothing, when the caller has ended; else try again.",
  },
  KATA_RPC_UNKNOWN: answered("it failed, without saying how", seeMessage),
  KATA_RPC_INVALID_ARGUMENT: answered("it does not take what was asked for", seeMessage),
  KATA_RPC_DEADLINE_EXCEEDED: {
    cause: "A call was not answered in time, or the other side says that it took too long.",
    cure: "See what the guest is busy with, or raise the time that configuration has for it.",
  },
  KATA_RPC_NOT_FOUND: answered("what was asked for is not there", seeMessage),
  KATA_RPC_ALREADY_EXISTS: answered("what was to be made is there", "Take another id, or remove the first."),
  KATA_RPC_PERMISSION_DENIED: answered("it may not", "See the policy of the agent, if it has one."),
  KATA_RPC_RESOURCE_EXHAUSTED: answered(
    "memory, space or room for it is used up",
    "Give the machine more (`default_memory`).",
  ),
  KATA_RPC_FAILED_PRECONDITION: answered("not in this state", seeMessage),
  KATA_RPC_ABORTED: answered("it was broken off", "Try again."),
  KATA_RPC_OUT_OF_RANGE: answered("a value is out of its range", seeMessage),
  KATA_RPC_UNIMPLEMENTED: answered("it does not have this", "Use a guest image with a newer agent, or do without."),
  KATA_RPC_INTERNAL: answered("it failed inside", "See its message and the agent's log."),
  KATA_RPC_UNAVAILABLE: answered("it cannot be done now", "See the agent's log; try again."),
  KATA_RPC_DATA_LOSS: answered("data are damaged", "See its message and the agent's log."),
  KATA_RPC_CLOSED: {
    cause: "A call was made on a connection that is closed.",
    cure: "See why it was closed: mostly the sandbox has ended, and the message before this one says how.",
  },
  KATA_RPC_CONNECT: {
    cause: "Nobody listens at the address, or it cannot be reached.",
    cure: "See that the program at the other end runs; for an agent see the guest's console.",
  },
  KATA_RPC_CONNECTION_BROKEN: {
    cause: "A connection broke with an error of the socket.",
    cure: "See the cause in the message: mostly the machine has died.",
  },
  KATA_RPC_CONNECTION_LOST: {
    cause: "The other side ended the connection while a call was waiting for its answer.",
    cure: "See whether it crashed; the call may or may not have been done.",
  },
  KATA_RPC_DESTROYED: {
    cause: "A connection was given up on this side, with calls waiting.",
    cure: "Nothing, when the sandbox is being ended.",
  },
  KATA_RPC_ENCODE: {
    cause: "A message holds a value that its protobuf type has no room for.",
    cure: "Report it with the cause in the message, or correct the plugin that made it.",
  },
  KATA_RPC_FRAME_INVALID: {
    cause: "What came on a socket is not ttrpc: another program has connected, or the versions do not fit.",
    cure: "See what is at the other end of that socket.",
  },
  KATA_RPC_FRAME_TOO_LARGE: {
    cause: "A message is longer than ttrpc allows.",
    cure: "Make it smaller: a spec with fewer mounts or variables, output in smaller pieces.",
  },
  KATA_RPC_FRAME_TRUNCATED: {
    cause: "A connection ended within a message: the other side crashed.",
    cure: "See how it ended.",
  },
  KATA_RPC_LISTEN: {
    cause: "The socket cannot be made: somebody listens there, the path is too long, or its directory is not writable.",
    cure: "See the message; stop the other program, or keep state in a shorter path.",
  },
  KATA_RPC_MALFORMED: {
    cause: "A message cannot be decoded: the versions of the two sides do not fit.",
    cure: "Use a guest image and a runtime that belong together.",
  },
  KATA_RPC_PROTOCOL: {
    cause: "The other side does not keep to ttrpc's rules for a call.",
    cure: "See what it is; report it when it is our own agent.",
  },
  KATA_RPC_SERVICE_DUPLICATE: {
    cause: "Two parts of the program serve the same service on one socket.",
    cure: "Leave one out.",
  },
  KATA_RPC_STREAM_IDS_EXHAUSTED: {
    cause: "A connection has made two thousand million calls, and its numbers are used up.",
    cure: "Connect anew.",
  },
  KATA_RPC_STREAM_STALLED: {
    cause: "Messages of a stream are not taken, and its queue is full.",
    cure: "See what the receiver waits for, mostly a fifo that nobody reads.",
  },
  KATA_GUEST_DIAL: {
    cause: "The guest does not answer on its socket: it is still booting, hangs, or has no agent.",
    cure: "See the guest's console; raise `reconnect_timeout_ms` where guests are emulated.",
  },
  KATA_GUEST_HANDSHAKE: {
    cause: "The virtual machine refused to connect us to a port of the guest: nobody listens there.",
    cure: "See that the agent runs and that its port (`server_port`) is right on both sides.",
  },
  KATA_GUEST_SOCKET_PATH: {
    cause: "The path for the machine's socket is too long or not absolute.",
    cure: "Keep the runtime's directory in a shorter path: a socket's has 107 bytes.",
  },
  KATA_UPCALL_MESSAGE: {
    cause: "The guest sent something about plugging that is not of the protocol.",
    cure: "Use a guest kernel and image that belong to this version.",
  },
  KATA_UPCALL_SILENT: {
    cause: "The guest did not do in time what it was asked to when something was plugged.",
    cure: "See the guest's console; its kernel or agent must serve port 219.",
  },
  KATA_UPCALL_REFUSED: {
    cause: "The guest refuses to take or to give back a device.",
    cure: "Read its reason in the message.",
  },
  KATA_UPCALL_LOST: {
    cause: "The guest hung up while something was plugged.",
    cure: "See the guest's console: its agent may have ended.",
  },
  KATA_UPCALL_CLOSED: {
    cause: "The machine has ended while something was to be plugged.",
    cure: "Nothing, when the pod is being ended.",
  },
  KATA_AGENT_NOT_CONNECTED: {
    cause: "The agent was called before it was connected to, or after.",
    cure: "Call `connect` first; when no code of yours does it, report it.",
  },
  KATA_AGENT_CLOSED: {
    cause: "The agent was called while the connection to it is being closed.",
    cure: "Nothing, when the pod is being ended.",
  },
  KATA_AGENT_UNHEALTHY: {
    cause: "The agent answers and says that it does not serve.",
    cure: "See the agent's log and the guest's console.",
  },
  KATA_AGENT_SWAP_PLACE: {
    cause: "A disk for swap is plugged in such a way that the agent's protocol has no name for it.",
    cure: "Set `block_device_driver` to virtio-blk-pci or virtio-blk-mmio.",
  },
  KATA_AGENT_ANSWER: {
    cause: "The agent's answer is of a form that cannot be: the guest is of another version, or hostile.",
    cure: "Use a guest image that belongs to this version.",
  },
};
