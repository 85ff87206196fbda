import { expect } from "chai";
import { fstatSync, statSync } from "node:fs";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { thrown } from "../fixture.js";

describe("terminals", () => {
  const { terminals, descriptors } = createLinuxSys();

  it("have a size that both sides see", () => {
    const { master, slave, path } = terminals.open({ rows: 30, columns: 100 });
    expect(terminals.size(slave)).to.deep.equal({ rows: 30, columns: 100 });
    terminals.resize(master, { rows: 65535, columns: 1 });
    expect(terminals.size(slave)).to.deep.equal({ rows: 65535, columns: 1 });
    expect(descriptors.isTerminal(slave)).to.equal(true);
    expect(fstatSync(slave).rdev).to.equal(statSync(path).rdev);
    expect(thrown(() => terminals.resize(master, { rows: 65536, columns: 1 }))).to.equal("KATA_SYS_VALUE");
    descriptors.close(master);
    descriptors.close(slave);
  });

  it("are told from what is none", () => {
    const { read, write } = descriptors.pipe();
    expect(thrown(() => terminals.size(read))).to.equal("ENOTTY");
    descriptors.close(read);
    descriptors.close(write);
  });
});
