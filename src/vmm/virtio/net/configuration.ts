import { netDeviceErrors } from "./errors.js";

/** Places in the configuration (virtio 1.2, 5.1.4: `struct virtio_net_config`). */
const statusAt = 6;
const queuePairsAt = 8;
const mtuAt = 10;
const bytes = 12;
const linkUp = 1;

/** What a driver is told of the card. */
export interface NetSettings {
  /** Address, six bytes in hexadecimal with colons; no group's. */
  readonly mac: string;
  /** Bytes, 68 to 65535; the driver's own when absent. */
  readonly mtu?: number;
  readonly queuePairs: number;
}

/** The most queue pairs that a tap has (`MAX_TAP_QUEUES` of the kernel). */
export const mostQueuePairs = 256;

/** The configuration of a card whose link is up; `KATA_VMM_NET_MAC` and `KATA_VMM_NET_VALUE` for what none has. */
export function netConfiguration({ mac, mtu, queuePairs }: NetSettings): Buffer {
  if (!/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i.test(mac)) throw netDeviceErrors.KATA_VMM_NET_MAC({ mac });
  check("the number of queue pairs", queuePairs, 1, mostQueuePairs);
  if (mtu !== undefined) check("the MTU", mtu, 68, 65_535);
  const configuration = Buffer.alloc(bytes);
  configuration.write(mac.replaceAll(":", ""), "hex");
  configuration.writeUInt16LE(linkUp, statusAt);
  configuration.writeUInt16LE(queuePairs, queuePairsAt);
  configuration.writeUInt16LE(mtu ?? 0, mtuAt);
  return configuration;
}

/** Notes whether the link is up. */
export function setLinkStatus(configuration: Buffer, up: boolean): void {
  configuration.writeUInt16LE(up ? linkUp : 0, statusAt);
}

function check(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw netDeviceErrors.KATA_VMM_NET_VALUE({ what, value, expected: `a whole number from ${least} to ${most}` });
}
