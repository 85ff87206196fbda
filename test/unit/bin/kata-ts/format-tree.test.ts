import { expect } from "chai";
import { formatTree, plainTree } from "../../../../src/bin/kata-ts/format-tree.js";
import type { LoadNode, LoadRoot } from "../../../../src/core/plugin/load-tree.js";

const node = (id: string, more: Partial<LoadNode> = {}): LoadNode => ({
  id,
  origin: "built-in",
  where: "by match",
  state: "created",
  instances: 1,
  ms: 2,
  ownMs: 1.5,
  configMs: 0.25,
  children: [],
  ...more,
});

const tree: readonly LoadRoot[] = [
  {
    owner: "runtime",
    children: [
      node("rootfs/a", { children: [node("rootfs/b")] }),
      node("volume/c", { state: "failed", origin: "package c", error: new Error("no\nluck"), instances: 0 }),
    ],
  },
];

describe("the load tree of plugins", () => {
  it("shows who asked for whom, how long it took, and why it failed, a plugin a line", () => {
    expect(formatTree(tree)).to.deep.equal([
      "PLUGIN          STATE    TIME    OWN     CONFIG  ASKED FOR BY",
      "runtime",
      "├─ rootfs/a     created  2.0 ms  1.5 ms  0.3 ms  by match",
      "│  └─ rootfs/b  created  2.0 ms  1.5 ms  0.3 ms  by match",
      "└─ volume/c     failed   2.0 ms  1.5 ms  0.3 ms  by match; package c; no luck",
    ]);
  });

  it("is plain data as JSON, errors as their words", () => {
    const [root] = JSON.parse(JSON.stringify(plainTree(tree))) as { children: { id: string; error?: string }[] }[];
    expect(root?.children.map(({ id, error }) => [id, error])).to.deep.equal([
      ["rootfs/a", undefined],
      ["volume/c", "no\nluck"],
    ]);
  });
});
