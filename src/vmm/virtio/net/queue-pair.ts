import type { Descriptors, Watch } from "../../../core/sys/descriptors.js";
import { Turns } from "../turns.js";
import type { Virtqueue } from "../virtqueue.js";
import { FrameReceiver } from "./receiver.js";
import { FrameTransmitter } from "./transmitter.js";

/** Frames of one direction in one turn. */
const perTurn = 64;

/** Two queues of the driver's that somebody serves at a queue of a tap. */
export interface ServedPair {
  /** There may be buffers to fill. */
  receive(): void;
  /** There may be frames to send. */
  transmit(): void;
  /** Gives back buffers that wait for the rest of a frame, which is lost, as it may be on any link. */
  release(): void;
  /** Touches neither queues nor tap any more when this is done; the tap stays open. Idempotent. */
  stop(): void;
}

/** What a queue pair serves, and whom it tells. */
export interface QueuePairOptions {
  readonly descriptors: Descriptors;
  /** The tap's queue. */
  readonly fd: number;
  readonly receive: Virtqueue;
  readonly transmit: Virtqueue;
  readonly mergeable: boolean;
  /** Tells the driver that a queue has something for it. */
  readonly interrupt: (queue: Virtqueue) => void;
  /** It serves no more. */
  readonly failed: (error: unknown) => void;
}

/** A pair served here. The tap is watched only while there is a buffer for what it has. */
export class QueuePair implements ServedPair {
  readonly #options: QueuePairOptions;
  readonly #receiver: FrameReceiver;
  readonly #transmitter: FrameTransmitter;
  readonly #receiving: Turns;
  readonly #transmitting: Turns;
  readonly #watch: Watch;
  #awaitsFrame = false;
  #awaitsRoom = false;
  #stopped = false;

  constructor(options: QueuePairOptions) {
    const { descriptors, fd, receive, transmit, mergeable, failed } = options;
    this.#options = options;
    this.#receiver = new FrameReceiver(descriptors, fd, receive, mergeable);
    this.#transmitter = new FrameTransmitter(descriptors, fd, transmit);
    this.#receiving = new Turns(() => this.#receive(), failed);
    this.#transmitting = new Turns(() => this.#transmit(), failed);
    this.#watch = descriptors.watch(fd, {}, ({ readable, writable }) => {
      if (readable) this.receive();
      if (writable) this.transmit();
    });
  }

  /** Frames lost each way. */
  get dropped(): { readonly received: number; readonly transmitted: number } {
    return { received: this.#receiver.dropped, transmitted: this.#transmitter.dropped };
  }

  receive(): void {
    if (!this.#stopped) this.#receiving.run();
  }

  transmit(): void {
    if (!this.#stopped) this.#transmitting.run();
  }

  release(): void {
    this.#receiver.release();
  }

  stop(): void {
    this.#stopped = true;
    this.#receiving.stop();
    this.#transmitting.stop();
    this.#watch.close();
  }

  #receive(): boolean {
    const { receive, interrupt } = this.#options;
    let frames = 0;
    let receipt = this.#receiver.receive();
    while (receipt === "frame" && ++frames < perTurn) receipt = this.#receiver.receive();
    if (frames > 0) interrupt(receive);
    this.#await(receipt === "no frame", this.#awaitsRoom);
    return receipt === "frame";
  }

  #transmit(): boolean {
    const { transmit, interrupt } = this.#options;
    let frames = 0;
    let dispatch = this.#transmitter.transmit();
    while (dispatch === "frame" && ++frames < perTurn) dispatch = this.#transmitter.transmit();
    if (frames > 0) interrupt(transmit);
    this.#await(this.#awaitsFrame, dispatch === "tap full");
    return dispatch === "frame";
  }

  #await(frame: boolean, room: boolean): void {
    if (frame === this.#awaitsFrame && room === this.#awaitsRoom) return;
    this.#awaitsFrame = frame;
    this.#awaitsRoom = room;
    this.#watch.update({ readable: frame, writable: room });
  }
}
