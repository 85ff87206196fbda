/** Ports of the agent in the guest. */
export const guestPorts = { agent: 1024, log: 1025, debugConsole: 1026, passfd: 1027 } as const;

/**
 * How the host reaches a port of the guest. Plain data, so that it can be kept on disk and dialled by another process.
 * - `vsock`: AF_VSOCK of the host kernel (vhost-vsock); `cid` ≥ 3.
 * - `hybrid-vsock`: a Unix socket of the VMM that takes `CONNECT <port>\n` (Firecracker's form, also Cloud Hypervisor's and
 *   Dragonball's).
 * - `virtio-serial`: one Unix socket a port, made by the VMM; `directory` holds `port-<number>.sock`. One connection a port
 *   at a time, and the guest learns of its end only when it reads.
 */
export type GuestAddress =
  | { readonly kind: "vsock"; readonly cid: number }
  | { readonly kind: "hybrid-vsock"; readonly path: string }
  | { readonly kind: "virtio-serial"; readonly directory: string };

/** The address as a URL, as `GET /agent-url` and log lines show it. */
export function formatGuestAddress(address: GuestAddress, port: number): string {
  switch (address.kind) {
    case "vsock":
      return `vsock://${address.cid}:${port}`;
    case "hybrid-vsock":
      return `hvsock://${address.path}:${port}`;
    case "virtio-serial":
      return `serial://${address.directory}:${port}`;
  }
}
