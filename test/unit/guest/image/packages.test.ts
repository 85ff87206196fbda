import { expect } from "chai";
import { compareReleases } from "../../../../guest/image/kernel-package.js";
import { parseSimulation } from "../../../../guest/image/packages.js";

describe("packages of the distribution", () => {
  it("are read from a simulated installation", () => {
    const output = `NOTE: This is only a simulation!
Reading package lists...
Inst libyajl2 (2.1.0-3+deb12u2 Debian:12.11/stable [amd64])
Inst libc6:amd64 [2.36-9+deb12u9] (2.36-9+deb12u10 Debian:12.11/stable [amd64]) []
Inst crun (1.8.1-1+deb12u1 Debian:12.11/stable [amd64])
Conf crun (1.8.1-1+deb12u1 Debian:12.11/stable [amd64])
Remv busybox [1:1.35.0-4+b3]
`;
    expect(parseSimulation(output)).to.deep.equal([
      { name: "libyajl2", version: "2.1.0-3+deb12u2" },
      { name: "libc6", version: "2.36-9+deb12u10" },
      { name: "crun", version: "1.8.1-1+deb12u1" },
    ]);
    expect(parseSimulation("")).to.deep.equal([]);
  });

  it("have kernels in the order of their numbers", () => {
    const releases = ["6.1.0-9-cloud-amd64", "6.1.0-37-cloud-amd64", "6.12.1-1-cloud-amd64", "6.1.0-10-cloud-amd64"];
    expect(releases.toSorted((a, b) => compareReleases(b, a))).to.deep.equal([
      "6.12.1-1-cloud-amd64",
      "6.1.0-37-cloud-amd64",
      "6.1.0-10-cloud-amd64",
      "6.1.0-9-cloud-amd64",
    ]);
  });
});
