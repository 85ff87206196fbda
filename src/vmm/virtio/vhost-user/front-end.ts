import type { GuestMemory } from "../../memory/guest-memory.js";
import { commonFeatures, type HandedQueue } from "../device.js";
import { type ChannelOptions, VhostUserChannel } from "./channel.js";
import { vhostUserErrors } from "./errors.js";
import { memoryTable, ringAddresses, ringState } from "../vhost-structures.js";
import { protocolFeature, protocolFeatures, type RequestName, u64 } from "./message.js";

/** The most regions in a message (the vhost-user specification, "Memory regions description"). */
const mostRegions = 8;

/** What every device of ours offers its driver, so that whoever serves its queues must have it. */
const needed = commonFeatures.indirect | commonFeatures.eventIndex | commonFeatures.version1 | protocolFeatures;

const wantedProtocol = protocolFeature.multiQueue | protocolFeature.replyAck;

/** Milliseconds for one answer of a daemon's, which has nothing to do for it but to map memory or to end a thread. */
const answerMs = 10_000;

/** Which daemon, and what the device wants of it. */
export interface FrontEndOptions extends Omit<ChannelOptions, "answerMs"> {
  readonly queues: number;
  /** Milliseconds for one answer; 10 s unless told. */
  readonly answerMs?: number;
}

/**
 * The machine's side of the vhost-user protocol (QEMU's docs/interop/vhost-user): a daemon is given the guest's memory and
 * queues, and serves them. Every call ends with the daemon's answer, where the daemon can give one (`REPLY_ACK`).
 */
export class VhostUserFrontEnd {
  readonly #channel: VhostUserChannel;
  readonly #name: string;
  #acknowledges = false;

  private constructor(channel: VhostUserChannel, name: string) {
    this.#channel = channel;
    this.#name = name;
  }

  /** Connects and agrees with the daemon on what both can; `KATA_VMM_VHOST_USER_FEATURES` or `…_QUEUES` when that is too little. */
  static async connect(options: FrontEndOptions): Promise<VhostUserFrontEnd> {
    const channel = VhostUserChannel.connect({ answerMs, ...options });
    try {
      const frontEnd = new VhostUserFrontEnd(channel, options.name);
      await frontEnd.#negotiate(options.queues);
      return frontEnd;
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  /** Tells the daemon what the driver has taken, and where the guest's memory is; for all queues, before any is started. */
  async prepare(features: bigint, memory: GuestMemory): Promise<void> {
    await this.#set("setFeatures", u64(features | protocolFeatures));
    await this.#set("setMemTable", memoryTable(memory, "file"), this.#descriptorsOf(memory));
  }

  /** Has the daemon serve a queue, from its beginning. `KATA_VMM_GUEST_ADDRESS` for one that is not in the guest's memory. */
  async startQueue(index: number, queue: HandedQueue, memory: GuestMemory): Promise<void> {
    const addresses = ringAddresses(index, queue, memory);
    await this.#set("setVringNum", ringState(index, queue.size));
    await this.#set("setVringBase", ringState(index, 0));
    await this.#set("setVringAddr", addresses);
    await this.#set("setVringCall", u64(BigInt(index)), [queue.call]);
    await this.#set("setVringKick", u64(BigInt(index)), [queue.kick]);
    await this.#set("setVringEnable", ringState(index, 1));
  }

  /** Has the daemon leave a queue alone: it does not touch it any more when this is done. */
  async stopQueue(index: number): Promise<void> {
    await this.#channel.ask("getVringBase", ringState(index, 0), 8);
  }

  /** Hangs up; the daemon ends by itself. Idempotent. */
  close(): void {
    this.#channel.close();
  }

  async #negotiate(queues: number): Promise<void> {
    const name = this.#name;
    const offered = await this.#ask("getFeatures");
    const missing = needed & ~offered;
    if (missing !== 0n) throw vhostUserErrors.KATA_VMM_VHOST_USER_FEATURES({ name, missing, offered });
    const protocol = (await this.#ask("getProtocolFeatures")) & wantedProtocol;
    await this.#channel.send("setProtocolFeatures", u64(protocol));
    this.#acknowledges = (protocol & protocolFeature.replyAck) !== 0n;
    if ((protocol & protocolFeature.multiQueue) !== 0n) {
      const most = Number(await this.#ask("getQueueNum"));
      if (most < queues) throw vhostUserErrors.KATA_VMM_VHOST_USER_QUEUES({ name, wanted: queues, most });
    }
    await this.#set("setOwner", new Uint8Array(0));
  }

  async #ask(request: RequestName): Promise<bigint> {
    return (await this.#channel.ask(request, new Uint8Array(0), 8)).readBigUInt64LE(0);
  }

  #set(request: RequestName, payload: Uint8Array, fds?: readonly number[]): Promise<void> {
    return this.#acknowledges
      ? this.#channel.command(request, payload, fds)
      : this.#channel.send(request, payload, fds);
  }

  #descriptorsOf(memory: GuestMemory): number[] {
    const { regions } = memory;
    const refused = (problem: string): Error =>
      vhostUserErrors.KATA_VMM_VHOST_USER_MEMORY({ name: this.#name, problem });
    if (regions.length > mostRegions)
      throw refused(`it has ${regions.length} regions, a message at most ${mostRegions}`);
    return regions.map(({ backing, address }) => {
      if (backing.kind === "file") return backing.fd;
      throw refused(`the region at 0x${address.toString(16)} has no file, so it is nobody else's to map`);
    });
  }
}
