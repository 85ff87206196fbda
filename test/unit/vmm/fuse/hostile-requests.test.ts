import fc from "fast-check";
import { codeOf } from "../../../../src/core/errors/error.js";
import { fuseRequest } from "../../../support/vmm/fuse-requests.js";
import { servedDirectory } from "../../../support/vmm/fs-target.js";

const cuts = fc.array(fc.nat(200), { maxLength: 4 });

/** The same bytes as so many pieces. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.filter((place) => place < bytes.length).toSorted((a, b) => a - b), bytes.length];
  return at
    .slice(1)
    .map((end, i) => bytes.subarray(at[i], end))
    .filter(({ length }) => length > 0);
}

describe("a hostile guest of a shared directory", () => {
  it("gets a whole answer, or the device ends; nothing outside is touched", async () => {
    const { server, unharmed } = servedDirectory(() => undefined);
    const one = fc.record({
      request: fuseRequest(),
      room: fc.oneof(fc.constant(300), fc.nat(200)),
      given: cuts,
      wanted: cuts,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 12 }), async (all) => {
        server.reset();
        for (const { request, room, given, wanted } of all) {
          const memory = Buffer.alloc(room, 0xee);
          const before = Buffer.from(request);
          let written: number;
          try {
            written = await server.serve(cut(request, given), cut(memory, wanted));
          } catch (error) {
            if (codeOf(error) === "KATA_VMM_FUSE_REQUEST") continue;
            throw error;
          }
          assert(request.equals(before), "the request was written");
          assert(
            memory.subarray(written).every((byte) => byte === 0xee),
            "more was written than was said",
          );
          if (written === 0) continue;
          assert(written >= 16 && memory.readUInt32LE(0) === written, "the length is another");
          const error = memory.readInt32LE(4);
          assert(error <= 0 && error > -4096 && (error === 0 || written === 16), `the error is ${error}`);
        }
        assert(unharmed(), "something outside was changed");
      }),
      { numRuns: 3000 },
    );
    server.close();
  }).timeout(60_000);
});

function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
