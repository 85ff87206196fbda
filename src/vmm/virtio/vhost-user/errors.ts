import { defineErrors } from "../../../core/errors/error.js";

const hex = (bits: bigint): string => `0x${bits.toString(16)}`;

/** What goes wrong with a daemon that serves a device. `name` is the device's. */
export const vhostUserErrors = defineErrors({
  KATA_VMM_VHOST_USER_CONNECT: {
    status: "UNAVAILABLE",
    message: (p: { name: string; path: string }) => `cannot connect to the daemon of ${p.name} at ${p.path}`,
  },
  KATA_VMM_VHOST_USER_ENDED: {
    status: "UNAVAILABLE",
    message: (p: { name: string }) => `the daemon of ${p.name} has hung up; its own output may say why`,
  },
  KATA_VMM_VHOST_USER_CLOSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { name: string; request: string }) => `${p.name} has ended: its daemon is not asked for ${p.request}`,
  },
  KATA_VMM_VHOST_USER_ANSWER: {
    status: "UNAVAILABLE",
    message: (p: { name: string; request: string; problem: string }) =>
      `the daemon of ${p.name} answers ${p.request} with what is no answer: ${p.problem}`,
  },
  KATA_VMM_VHOST_USER_REFUSED: {
    status: "UNAVAILABLE",
    message: (p: { name: string; request: string }) => `the daemon of ${p.name} refuses ${p.request}`,
  },
  KATA_VMM_VHOST_USER_FEATURES: {
    status: "FAILED_PRECONDITION",
    message: (p: { name: string; missing: bigint; offered: bigint }) =>
      `the daemon of ${p.name} lacks features that the device needs: ${hex(p.missing)} of virtio's; it has ${hex(p.offered)}`,
  },
  KATA_VMM_VHOST_USER_QUEUES: {
    status: "FAILED_PRECONDITION",
    message: (p: { name: string; wanted: number; most: number }) =>
      `the daemon of ${p.name} serves ${p.most} queues, ${p.wanted} are wanted`,
  },
  KATA_VMM_VHOST_USER_MEMORY: {
    status: "FAILED_PRECONDITION",
    message: (p: { name: string; problem: string }) =>
      `the daemon of ${p.name} cannot have the guest's memory: ${p.problem}`,
  },
  KATA_VMM_VHOST_USER_TRANSPORT: {
    status: "FAILED_PRECONDITION",
    message: (p: { name: string }) => `${p.name} is served by a daemon, and its transport cannot give queues away`,
  },
  KATA_VMM_VHOST_USER_TAG: {
    status: "INVALID_ARGUMENT",
    message: (p: { tag: string; problem: string }) =>
      `a file system cannot have the tag ${JSON.stringify(p.tag)}: ${p.problem}`,
  },
});
