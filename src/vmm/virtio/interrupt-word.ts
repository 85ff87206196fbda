import { interruptReason } from "./mmio-registers.js";

/**
 * The register InterruptStatus of a device (virtio 1.2, 4.2.2) as a word that threads share, at an index of an array over a
 * `SharedArrayBuffer`: 0 at first. The one that serves the device notes reasons, any reads it for the driver and takes away
 * what the driver acknowledges.
 */
const reasons = interruptReason.queue | interruptReason.configuration;

/** Set while others serve queues of the device: they raise its line themselves, without a word of why. */
const servedByOthers = 1 << 30;

/** Notes why the driver is about to be interrupted. */
export function noteReason(words: Int32Array, index: number, reason: keyof typeof interruptReason): void {
  Atomics.or(words, index, interruptReason[reason]);
}

/** Each interrupt may be one of a queue's from here on, until all is forgotten: the driver looks at its queues each time. */
export function noteOthers(words: Int32Array, index: number): void {
  Atomics.or(words, index, servedByOthers);
}

/** The driver is gone. */
export function forgetReasons(words: Int32Array, index: number): void {
  Atomics.store(words, index, 0);
}

/** What was noted and not acknowledged yet, for a copy of the device. */
export function pendingReasons(words: Int32Array, index: number): number {
  return Atomics.load(words, index) & reasons;
}

/** What the driver reads. */
export function readReasons(words: Int32Array, index: number): number {
  const word = Atomics.load(words, index);
  return (word & reasons) | ((word & servedByOthers) === 0 ? 0 : interruptReason.queue);
}

/** The driver has seen these, whatever it writes. */
export function acknowledgeReasons(words: Int32Array, index: number, seen: number): void {
  Atomics.and(words, index, ~(seen & reasons));
}
