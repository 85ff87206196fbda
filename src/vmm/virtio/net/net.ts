import { SysError } from "../../../core/sys/sys-error.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { DeviceSaving } from "../../snapshot/device-saving.js";
import type { DeviceContext, VirtioDevice } from "../device.js";
import { Turns } from "../turns.js";
import { type NetSettings, netConfiguration, setLinkStatus } from "./configuration.js";
import { answerControl, queuePairsAsked } from "./control.js";
import { netDeviceErrors } from "./errors.js";
import { netFeature, offeredFeatures, offloadsOf } from "./features.js";
import { frameHeaderBytes } from "./frame.js";
import { QueuePair, type ServedPair } from "./queue-pair.js";
import type { HandedPair, VhostNet } from "./vhost-net.js";

/** Commands of the control queue in one turn. */
const perTurn = 16;

/** How a network device is made. */
export interface NetOptions extends Omit<NetSettings, "queuePairs"> {
  /** For the logs: `eth0`. */
  readonly id: string;
  /** A tap's queues, a descriptor for each queue pair, as `Taps.open` gives them. Taken: closed with the device. */
  readonly taps: readonly number[];
  readonly sys: Pick<Sys, "descriptors" | "taps">;
  /** Entries of each queue, a power of two; 256 unless told. */
  readonly queueSize?: number;
  /** Have the kernel serve the queue pairs: one for each tap. Taken: closed with the device. */
  readonly vhost?: readonly VhostNet[];
}

/**
 * Virtio's network device (virtio 1.2, 5.1) at the queues of a tap. With several queue pairs the driver chooses by the control
 * queue how many it uses, one at first; the tap gives frames to those alone.
 */
export class NetDevice implements VirtioDevice {
  readonly kind = 1;
  readonly name: string;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly configuration: Buffer;
  readonly saving: DeviceSaving | undefined;
  readonly #sys: NetOptions["sys"];
  readonly #taps: readonly number[];
  /** Which of the tap's queues take part. */
  readonly #attached: boolean[];
  readonly #controlling = new Turns(
    () => this.#control(),
    (error) => this.#fail(error),
  );
  readonly #vhost: readonly VhostNet[] | undefined;
  /** Queues that the kernel serves, by their pairs. */
  #handed: (HandedPair | undefined)[] = [];
  #pairs: ServedPair[] = [];
  #context: DeviceContext | undefined;
  #closed = false;

  /** `KATA_VMM_NET_MAC`, or `KATA_VMM_NET_VALUE`, for settings that no card has; the taps are not taken then. */
  constructor({ id, taps, sys, queueSize = 256, mac, mtu, vhost }: NetOptions) {
    const queuePairs = taps.length;
    this.name = `net ${id}`;
    this.configuration = netConfiguration({ mac, queuePairs, ...(mtu !== undefined && { mtu }) });
    this.features = offeredFeatures(queuePairs, mtu !== undefined);
    const controlled = queuePairs > 1 ? 1 : 0;
    this.queueSizes = Array.from({ length: 2 * queuePairs + controlled }, () => queueSize);
    this.#sys = sys;
    this.#taps = taps;
    if (vhost !== undefined && vhost.length !== queuePairs) {
      const expected = `one for each of the tap's ${queuePairs} queues`;
      throw netDeviceErrors.KATA_VMM_NET_VALUE({ what: "the number of vhost-nets", value: vhost.length, expected });
    }
    this.#vhost = vhost;
    // The kernel has its own idea of the queues that it serves.
    this.saving = vhost === undefined ? this.#savingHere() : undefined;
    this.#attached = taps.map(() => true);
  }

  /** Says whether the cable is plugged in; it is at first. */
  setLink(up: boolean): void {
    setLinkStatus(this.configuration, up);
    this.#context?.configurationChanged();
  }

  activate(context: DeviceContext): void {
    this.#context = context;
    try {
      const offloads = offloadsOf(context.features);
      for (const fd of this.#taps) {
        this.#sys.taps.setHeaderBytes(fd, frameHeaderBytes);
        this.#sys.taps.setOffloads(fd, offloads);
      }
      if (this.#vhost !== undefined) {
        this.#handed = Array.from({ length: this.#mostPairs }, (_, pair) => this.#handOver(context, pair));
      }
      this.#use(1);
    } catch (error) {
      this.#fail(error);
    }
  }

  notify(queue: number): void {
    if (this.#context === undefined) return;
    if (queue === this.#controlQueue && this.#has(netFeature.control)) return this.#controlling.run();
    const pair = this.#pairs[queue >> 1];
    if (queue % 2 === 0) pair?.receive();
    else pair?.transmit();
  }

  reset(): void {
    this.#context = undefined;
    this.#controlling.stop();
    for (const pair of this.#pairs) pair.stop();
    this.#pairs = [];
    this.#handed = [];
  }

  close(): void {
    this.reset();
    if (this.#closed) return;
    this.#closed = true;
    for (const vhost of this.#vhost ?? []) vhost.close();
    for (const fd of this.#taps) this.#sys.descriptors.close(fd);
  }

  #savingHere(): DeviceSaving {
    return {
      release: () => {
        for (const pair of this.#pairs) pair.release();
      },
      save: () => ({ pairs: this.#pairs.length }),
      restore: (saved) => {
        const pairs = saved.field("pairs");
        if (!this.#use(pairs.number({ least: 1, most: this.#mostPairs })))
          throw pairs.broken("has queues that are not");
      },
    };
  }

  /** The queue pairs there are for the driver: one when it knows of no others. */
  get #mostPairs(): number {
    return this.#has(netFeature.multiQueue) ? this.#taps.length : 1;
  }

  /** Behind the queue pairs, as many as there are for the driver. */
  get #controlQueue(): number {
    return 2 * this.#mostPairs;
  }

  #control(): boolean {
    const queue = this.#context?.queues[this.#controlQueue];
    if (queue === undefined) return false;
    let commands = 0;
    for (; commands < perTurn; commands++) {
      const chain = queue.pop();
      if (chain === undefined) break;
      const asked = queuePairsAsked(chain.readable, this.#mostPairs);
      const done = asked !== undefined && this.#use(asked);
      // The change may have failed the device, whose queues are not to be touched any more then.
      if (this.#context === undefined) return false;
      queue.push(chain, answerControl(chain, done));
    }
    if (commands > 0) this.#context?.interrupt(queue);
    return commands === perTurn;
  }

  /** Serves the first `count` pairs and no others; false when the driver has not enabled all their queues. */
  #use(count: number): boolean {
    for (let i = 0; i < count; i++) if (!this.#isEnabled(i)) return false;
    for (const pair of this.#pairs.splice(count)) pair.stop();
    for (const [i, fd] of this.#taps.entries()) this.#attach(i, fd, i < count);
    for (let i = this.#pairs.length; i < count; i++) this.#pairs.push(this.#serve(i));
    for (const pair of this.#pairs) {
      pair.receive();
      pair.transmit();
    }
    return true;
  }

  #attach(index: number, fd: number, attached: boolean): void {
    if (this.#attached[index] === attached) return;
    this.#sys.taps.setAttached(fd, attached);
    this.#attached[index] = attached;
  }

  #isEnabled(pair: number): boolean {
    if (this.#vhost !== undefined) return this.#handed[pair] !== undefined;
    const queues = this.#context?.queues;
    return queues?.[2 * pair] !== undefined && queues[2 * pair + 1] !== undefined;
  }

  #handOver(context: DeviceContext, pair: number): HandedPair | undefined {
    if (context.handOver === undefined) {
      const problem = "its transport cannot give queues away";
      throw netDeviceErrors.KATA_VMM_NET_VHOST({ name: this.name, problem });
    }
    const receive = context.handOver(2 * pair);
    const transmit = context.handOver(2 * pair + 1);
    return receive === undefined || transmit === undefined ? undefined : [receive, transmit];
  }

  /** Serves a pair whose queues are enabled. */
  #serve(index: number): ServedPair {
    const context = this.#context;
    const fd = this.#taps[index];
    const vhost = this.#vhost?.[index];
    const handed = this.#handed[index];
    const receive = context?.queues[2 * index];
    const transmit = context?.queues[2 * index + 1];
    if (context !== undefined && fd !== undefined && vhost !== undefined && handed !== undefined) {
      return vhost.serve(fd, handed, context.memory, context.features);
    }
    if (context === undefined || fd === undefined || receive === undefined || transmit === undefined) {
      throw netDeviceErrors.KATA_VMM_NET_VALUE({
        what: "the queue pair",
        value: index,
        expected: "one that is enabled",
      });
    }
    return new QueuePair({
      descriptors: this.#sys.descriptors,
      fd,
      receive,
      transmit,
      mergeable: this.#has(netFeature.mergeable),
      interrupt: (queue) => context.interrupt(queue),
      failed: (error) => this.#fail(error),
    });
  }
  #has(feature: bigint): boolean {
    return ((this.#context?.features ?? 0n) & feature) !== 0n;
  }

  #fail(error: unknown): void {
    const context = this.#context;
    this.reset();
    const isTap = error instanceof SysError;
    context?.fail(isTap ? netDeviceErrors.KATA_VMM_NET_TAP({ name: this.name }, { cause: error }) : error);
  }
}
