import { expect } from "chai";
import fc from "fast-check";
import { unitObject } from "../../../../src/core/systemd/unit-path.js";

const prefix = "/org/freedesktop/systemd1/unit/";

describe("unitObject", () => {
  it("is as systemd writes it", () => {
    expect(unitObject("kubepods-pod1.slice")).to.equal(`${prefix}kubepods_2dpod1_2eslice`);
    expect(unitObject("1a.scope")).to.equal(`${prefix}_31a_2escope`);
    expect(unitObject("a_b@c:d\\x2d.scope")).to.equal(`${prefix}a_5fb_40c_3ad_5cx2d_2escope`);
  });

  it("is a path of one more part, from which the name can be read again", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40, unit: "binary" }), (name) => {
        const object = unitObject(name);
        expect(object).to.match(/^\/org\/freedesktop\/systemd1\/unit\/[A-Za-z0-9_]+$/);
        const bytes = [...object.slice(prefix.length).matchAll(/_([0-9a-f]{2})|[^_]/g)].map(([text, hex]) =>
          hex === undefined ? text.charCodeAt(0) : Number.parseInt(hex, 16),
        );
        expect(Buffer.from(bytes)).to.deep.equal(Buffer.from(name));
      }),
    );
  });
});
