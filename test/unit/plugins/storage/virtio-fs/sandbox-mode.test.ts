import { expect } from "chai";
import { flavourOf } from "../../../../../src/plugins/storage/virtio-fs/find-daemon.js";
import {
  chooseSandbox,
  sandboxFacts,
  type SandboxFacts,
} from "../../../../../src/plugins/storage/virtio-fs/sandbox-mode.js";

describe("the sandbox of virtiofsd", () => {
  const facts: SandboxFacts = {
    capabilities: 0x1ffffffffffn,
    limits: { mnt: 100, pid: 100, net: 100 },
    rootType: "ext4",
  };

  it("is namespaces where they can be made", () => {
    expect(chooseSandbox(facts)).to.deep.equal({ mode: "namespace" });
    expect(chooseSandbox({ ...facts, limits: {} })).to.deep.equal({ mode: "namespace" });
  });

  it("is a chroot, with the reason, where they cannot", () => {
    expect(chooseSandbox({ ...facts, capabilities: 0x1ffn }))
      .to.have.property("reason")
      .that.includes("CAP_SYS_ADMIN");
    expect(chooseSandbox({ ...facts, limits: { net: 0 } }))
      .to.have.property("reason")
      .that.includes("max_net_namespaces");
    expect(chooseSandbox({ ...facts, rootType: "rootfs" })).to.deep.include({ mode: "chroot" });
    expect(chooseSandbox({ ...facts, rootType: undefined }))
      .to.have.property("reason")
      .that.includes("in a chroot");
  });

  it("is chosen from facts that can be read here", () => {
    const { capabilities, limits, rootType } = sandboxFacts([]);
    expect(capabilities >= 0n).to.equal(true);
    expect(Object.keys(limits)).to.include("mnt");
    expect(rootType).to.equal(undefined);
  });
});

describe("which virtiofsd it is", () => {
  it("is read from what it says to --version", () => {
    expect(flavourOf(["virtiofsd version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", "Copyright"])).to.equal("c");
    expect(flavourOf(["virtiofsd 1.14.0"])).to.equal("rust");
    expect(flavourOf(["virtiofsd backend 1.1.0"])).to.equal("rust");
    expect(flavourOf(["nydusd 2.0"])).to.equal(undefined);
    expect(flavourOf([])).to.equal(undefined);
  });
});
