/**
 * Calls by which something is made, and which the kernel may refuse at any time: there may be no memory, no descriptor, no
 * space, no right. Undoing is not among them, nor is asking what there is.
 */
export const refusable: ReadonlySet<string> = new Set([
  "mounts.mount",
  "mounts.mountOci",
  "mounts.bind",
  "mounts.restrict",
  "mounts.move",
  "mounts.setPropagation",
  "files.openBeneath",
  "files.openInRoot",
  "files.mkdirBeneath",
  "files.touchBeneath",
  "files.writeFileAtomic",
  "files.lock",
  "files.mknod",
  "files.allocate",
  "namespaces.createNetworkNamespace",
  "netlink.route",
  "netlink.createLink",
  "netlink.changeLink",
  "netlink.addAddress",
  "netlink.addRoute",
  "netlink.addQdisc",
  "netlink.addFilter",
  "taps.open",
  "taps.openMacvtap",
  "processes.spawn",
  "processes.openPidfd",
  "fifos.create",
]);
