import { expect } from "chai";
import fc from "fast-check";
import { OptionError, readOptions } from "../../../../../src/plugins/storage/rootfs-nydus/options.js";

const secret = "pass-word";
const image = {
  source: "/s/1/fs/image/image.boot",
  config: JSON.stringify({ device: { backend: { type: "registry", config: { auth: secret } } } }),
  snapshotdir: "/s/2",
  fs_version: "v6",
};
const encoded = (content: unknown): string =>
  `extraoption=${Buffer.from(typeof content === "string" ? content : JSON.stringify(content)).toString("base64")}`;
const overlay = ["workdir=/s/2/work", "upperdir=/s/2/fs", "lowerdir=/s/1/mnt"];

/** Which option is wrong and why. */
function wrong(...options: string[]): string {
  try {
    return `nothing: ${JSON.stringify(readOptions({ options }))}`;
  } catch (error) {
    if (error instanceof OptionError) return `${error.option} ${error.message}`;
    throw error;
  }
}

describe("the options of nydus-snapshotter's mounts", () => {
  it("are those of an overlay, and what is known of its image", () => {
    expect(readOptions({ options: ["volatile", ...overlay, encoded(image)] })).to.deep.equal({
      lower: ["/s/1/mnt"],
      upper: { upperdir: "/s/2/fs", workdir: "/s/2/work" },
      others: ["volatile"],
      image: { source: image.source, config: image.config, snapshotDirectory: "/s/2", version: "v6" },
    });
    expect(readOptions({ options: ["lowerdir=/a:/b"] })).to.deep.equal({
      lower: ["/a", "/b"],
      upper: undefined,
      others: [],
      image: undefined,
    });
  });

  it("are refused with the option's name where they are not what they should be", () => {
    const { source: _source, ...sourceless } = image;
    const cases: [string[], RegExp][] = [
      [[], /^lowerdir has no plain absolute path/],
      [["lowerdir=relative"], /^lowerdir /],
      [["lowerdir=/a/../b"], /^lowerdir /],
      [["lowerdir=/a\\:/b"], /^lowerdir /],
      [[...overlay, "lowerdir=/c"], /^lowerdir is there twice/],
      [["lowerdir=/a", "upperdir=/b"], /^upperdir and workdir are not both/],
      [["lowerdir=/a", "upperdir=/b,index=on", "workdir=/c"], /^upperdir /],
      [[...overlay, "extraoption=***"], /^extraoption is not base64/],
      [[...overlay, "extraoption="], /^extraoption is not base64/],
      [[...overlay, `extraoption=${"A".repeat(300_000)}`], /^extraoption has more than/],
      [[...overlay, encoded("no")], /^extraoption is not JSON/],
      [[...overlay, encoded("[]")], /^extraoption is no JSON object/],
      [[...overlay, encoded("null")], /^extraoption is no JSON object/],
      [[...overlay, encoded(sourceless)], /^extraoption.source has no plain/],
      [[...overlay, encoded({ ...image, source: "/a/../b" })], /^extraoption.source /],
      [[...overlay, encoded({ ...image, source: "/a\0b" })], /^extraoption.source /],
      [[...overlay, encoded({ ...image, snapshotdir: 7 })], /^extraoption.snapshotdir /],
      [[...overlay, encoded({ ...image, config: {} })], /^extraoption.config is no text/],
      [[...overlay, encoded({ ...image, config: "x" })], /^extraoption.config is not JSON/],
      [[...overlay, encoded({ ...image, fs_version: "v7" })], /^extraoption.fs_version is neither/],
      [
        [...overlay, "io.katacontainers.volume=e30="],
        /^io.katacontainers.volume asks for an image that the guest pulls/,
      ],
    ];
    for (const [options, why] of cases) expect(wrong(...options)).to.match(why);
  });

  it("are never quoted: what they hold may be secret", () => {
    const config = `{"auth":"${secret}"`;
    expect(wrong(...overlay, encoded({ ...image, config }))).to.not.include(secret);
    expect(wrong(...overlay, encoded(`{"config": ${secret}}`))).to.not.include(secret);
    expect(wrong(...overlay, encoded({ ...image, fs_version: secret }))).to.not.include(secret);
  });

  it("give plain absolute paths or an error, whatever they are", () => {
    const option = fc.oneof(
      fc.constantFrom(...overlay, encoded(image)),
      fc.string(),
      fc.string().map((text) => `lowerdir=${text}`),
      fc.json().map(encoded),
    );
    fc.assert(
      fc.property(fc.array(option, { maxLength: 6 }), (options) => {
        try {
          const { lower, image: found } = readOptions({ options });
          for (const path of [...lower, ...(found === undefined ? [] : [found.source])]) {
            expect(path).to.match(/^\/[^\0,:\\]*$/);
            expect(path.split("/")).to.not.include("..");
          }
        } catch (error) {
          expect(error).to.be.instanceOf(OptionError);
        }
      }),
    );
  });
});
