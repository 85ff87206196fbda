import type { NewQdisc } from "../sys/netlink/traffic-control.js";

/** Timer ticks a second that a bucket must last for to reach its rate (tc-tbf(8)), the least that kernels are built with. */
const timerHz = 100;

/** The largest frame that segmentation offload hands over at once: a smaller bucket would never let it through. */
const largestFrame = 65_536;

/** Milliseconds a frame waits at most before it is dropped. */
const latencyMs = 50;

/** The qdisc that lets a link send `rate` bits a second. */
export function rateLimit(link: number, rate: number): NewQdisc {
  const bytes = Math.max(1, Math.floor(rate / 8));
  const burst = Math.max(largestFrame, Math.ceil(bytes / timerHz));
  const limit = burst + Math.ceil((bytes * latencyMs) / 1000);
  return { link, kind: "tbf", tokenBucket: { rate: bytes, burst, limit } };
}
