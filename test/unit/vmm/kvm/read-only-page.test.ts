import { expect } from "chai";
import { fakeSys } from "../../../../src/testing/fake-sys.js";
import { ReadOnlyPage } from "../../../../src/vmm/kvm/read-only-page.js";

describe("a page that a guest only reads", () => {
  it("is the machine's while it is shown, and once", () => {
    const sys = fakeSys();
    const asked: { readonly request: number; readonly region: DataView }[] = [];
    sys.answer("devices", "ioctl", (fd, request, argument) => {
      expect(fd).to.equal(7);
      const region = argument instanceof Uint8Array ? argument.slice() : new Uint8Array();
      asked.push({ request, region: new DataView(region.buffer) });
      return 0;
    });
    const page = new ReadOnlyPage(sys.devices, { machine: 7, slot: 64, address: 0xd0000000 });
    page.hide();
    expect(asked).to.deep.equal([]);
    let length = 0;
    const fill = (into: Uint8Array): void => {
      expect(into.every((byte) => byte === 0)).to.equal(true);
      into.fill(9);
      length = into.length;
    };
    for (let round = 0; round < 2; round++) {
      page.show(fill);
      page.show(() => expect.fail("it is shown already"));
      page.hide();
      page.hide();
    }
    expect(length).to.equal(4096);
    const told = asked.map(({ request, region }) => [
      request,
      region.getUint32(0, true),
      region.getUint32(4, true),
      region.getBigUint64(8, true),
      region.getBigUint64(16, true),
    ]);
    const [there, gone] = [4096n, 0n].map((size) => [0x4020ae46, 64, 2, 0xd0000000n, size]);
    expect(told).to.deep.equal([there, gone, there, gone]);
    page.show(fill);
    page.close();
    expect(asked).to.have.length(6);
  });
});
