import { expect } from "chai";
import { sharedDirectory } from "../../../../src/core/share-fs/shared-directory.js";

describe("the shared directory", () => {
  it("differs for sandboxes whose names only look alike together", () => {
    const place = (namespace: string, sandboxId: string): string =>
      sharedDirectory({ root: "/s", namespace, sandboxId });
    expect(place("a", "b-c")).not.to.equal(place("a-b", "c"));
    expect(place("default", "s1")).to.equal("/s/default@s1");
    for (const [namespace, id] of [
      ["..", "/../x"],
      ["a/b", "c"],
      ["a", ""],
    ] as const)
      expect(() => place(namespace, id === "" ? "x/../y" : id)).to.throw();
  });
});
