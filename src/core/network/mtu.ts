/** Bytes of the smallest MTU that a card may have, which is IPv4's own (RFC 791). */
export const leastMtu = 68;

/** Bytes of the largest one: virtio has 16 bits for it. */
export const mostMtu = 65_535;
