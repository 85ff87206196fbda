import { accessSync, constants } from "node:fs";
import type { HypervisorConfig } from "../config/keys/hypervisor.js";
import type { NetworkRates } from "../contracts/network-model.js";

/** How the cards of a machine are made, as configuration has it. */
export interface CardSettings {
  readonly queuePairs: number;
  /** Whether the host's kernel moves the packets of a tap: vhost-net. */
  readonly vhost: boolean;
  readonly rates: NetworkRates;
}

/** Reads them from `[hypervisor.<name>]`; `vhostDevice` is what must be there for vhost-net. */
export function cardSettings(
  { network_queues, disable_vhost_net, rx_rate_limiter_max_rate, tx_rate_limiter_max_rate }: HypervisorConfig,
  vhostDevice = "/dev/vhost-net",
): CardSettings {
  return {
    queuePairs: network_queues,
    vhost: !disable_vhost_net && isUsable(vhostDevice),
    rates: {
      ...(rx_rate_limiter_max_rate > 0 && { receive: rx_rate_limiter_max_rate }),
      ...(tx_rate_limiter_max_rate > 0 && { transmit: tx_rate_limiter_max_rate }),
    },
  };
}

function isUsable(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
