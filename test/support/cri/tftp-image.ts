import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { architectureOf } from "../../../guest/image/architecture.js";
import { sharedLibraries } from "../../../guest/image/shared-libraries.js";
import type { ImageParts } from "../oci-image.js";

/** What a container of it runs: it answers every request of TFTP (RFC 1350) with one line, over UDP of both families. */
export const tftpCommand: readonly string[] = [
  "perl",
  "-MSocket=:all",
  "-e",
  [
    "socket S, AF_INET6, SOCK_DGRAM, 0 or die $!",
    "setsockopt S, IPPROTO_IPV6, IPV6_V6ONLY, 0 or die $!",
    "bind S, pack_sockaddr_in6(69, IN6ADDR_ANY) or die $!",
    String.raw`while ($from = recv S, $_, 999, 0) { send S, "\0\3\0\1hello\n", 0, $from if /^\x00\x01/ }`,
  ].join(";"),
];

/** An image with the perl that every Debian has: its busybox has no server of UDP. */
export const tftpImage: ImageParts = {
  name: "docker.io/library/tftp:test",
  config: { Env: ["PATH=/usr/bin:/bin"] },
  change(rootfs) {
    const { multiarch } = architectureOf(process.arch);
    const modules = `/usr/lib/${multiarch}/perl-base`;
    const programs = [
      { path: "/usr/bin/perl", source: "/usr/bin/perl" },
      { path: `${modules}/auto/Socket/Socket.so`, source: `${modules}/auto/Socket/Socket.so` },
    ];
    for (const name of ["lib", "lib64"]) {
      mkdirSync(join(rootfs, "usr", name), { recursive: true });
      symlinkSync(`usr/${name}`, join(rootfs, name));
    }
    cpSync(modules, join(rootfs, modules), { recursive: true });
    for (const { path, source } of [...programs, ...sharedLibraries(programs, { roots: ["/"], multiarch })]) {
      mkdirSync(dirname(join(rootfs, path)), { recursive: true });
      cpSync(source, join(rootfs, path), { dereference: true });
    }
  },
};
