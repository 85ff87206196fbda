/** A device of a DAN file as a test writes it: anything, so that it may be wrong. */
export type Written = Record<string, unknown>;

/** An interface with one address, or with these keys instead. */
export const written = (more: Written = {}): Written => ({ ip_addresses: ["10.0.0.2/24"], ...more });

/** A card that a program serves. `more` are keys of the device itself, `network` of its `network_info`. */
export const served = (more: Written = {}, network: Written = {}): Written => ({
  name: "eth0",
  guest_mac: "02:00:00:00:00:01",
  device: { type: "vhost-user", path: "/run/vhost.sock" },
  network_info: { interface: written(), ...network },
  ...more,
});

/** A card on a tap. */
export const tapped = (more: Written = {}, network: Written = {}): Written => ({
  name: "eth0",
  device: { type: "host-tap", tap_name: "tap0" },
  network_info: { interface: written(), ...network },
  ...more,
});

/** A file of these devices. */
export const danText = (...devices: readonly unknown[]): string => JSON.stringify({ devices });
