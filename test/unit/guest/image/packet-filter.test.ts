import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { findPacketFilter } from "../../../../guest/image/packet-filter.js";
import { temporaryDirectory } from "./temporary-directory.js";

describe("findPacketFilter", () => {
  const directory = temporaryDirectory();

  function put(path: string): void {
    mkdirSync(dirname(join(directory.path, path)), { recursive: true });
    writeFileSync(join(directory.path, path), "");
  }

  it("finds the program, its extensions in order, and the names it goes by", () => {
    for (const name of ["libxt_tcp.so", "libipt_REJECT.so", "libip6t_REJECT.so", "libebt_ip.so", "libarpt_mangle.so"]) {
      put(`usr/lib/m/xtables/${name}`);
    }
    put("usr/sbin/xtables-nft-multi");
    put("usr/sbin/xtables-legacy-multi");
    symlinkSync("libxt_tcp.so", join(directory.path, "usr/lib/m/xtables/libxt_DNAT.so"));
    const { files, symlinks } = findPacketFilter(directory.path, "m");
    expect(files.map(({ path }) => path)).to.deep.equal([
      "/usr/sbin/xtables-nft-multi",
      "/usr/lib/m/xtables/libip6t_REJECT.so",
      "/usr/lib/m/xtables/libipt_REJECT.so",
      "/usr/lib/m/xtables/libxt_DNAT.so",
      "/usr/lib/m/xtables/libxt_tcp.so",
    ]);
    for (const { path, source } of files) expect(source).to.equal(join(directory.path, path));
    expect(symlinks).to.deep.equal(
      ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"].map(
        (name) => [`/usr/sbin/${name}`, "xtables-nft-multi"],
      ),
    );
  });

  it("says what the package should have held", () => {
    const failure = () => findPacketFilter(directory.path, "m");
    expect(failure).to.throw(/iptables was expected to hold \/usr\/sbin\/xtables-nft-multi/);
    put("usr/sbin/xtables-nft-multi");
    expect(failure)
      .to.throw(/\/usr\/lib\/m\/xtables/)
      .with.property("code", "KATA_GUEST_IMAGE_FILE");
  });
});
