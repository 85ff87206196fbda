import { openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { EndpointDriver } from "../../../../src/core/contracts/endpoint.js";
import type { Hypervisor } from "../../../../src/core/contracts/hypervisor.js";
import type { RootfsDriver } from "../../../../src/core/contracts/rootfs.js";
import type { VolumeDriver } from "../../../../src/core/contracts/volume.js";
import type { PluginContext } from "../../../../src/core/plugin/context.js";
import type { PluginKinds } from "../../../../src/core/plugin/kinds.js";
import { definePlugin, type Plugin } from "../../../../src/core/plugin/plugin.js";
import { noConfig, schemaOf } from "../../../../src/core/plugin/standard-schema.js";
import { type Check, conformance, FakeHypervisor, linkInfo, type Subjects } from "../../../../src/testing/index.js";

const resource = { name: "it", prepare: async () => ({ mounts: [] }), cleanup: async () => undefined };

/** A volume that keeps all its promises, but for what is changed. */
const volume = (change: (context: PluginContext) => Partial<VolumeDriver> | { made: object }): Plugin<"volume"> =>
  definePlugin({
    api: 1,
    kind: "volume",
    name: "broken",
    config: noConfig,
    create(context) {
      const changed = change(context);
      const made = "made" in changed ? changed.made : {};
      return { name: "broken", match: () => 1, create: () => ({ ...resource, ...made }), ...changed };
    },
  });

const takes = { takes: () => [{ mount: { destination: "/data", type: "broken" } }] };

/** The checks that a plugin fails, of those named or of all, with what they say. */
async function failures<K extends keyof Subjects>(
  plugin: Plugin<K>,
  subject: Subjects[K],
  ...names: readonly string[]
): Promise<string[]> {
  const run = async ({ name, skipped, run: check }: Check): Promise<string[]> => {
    if (skipped !== undefined) return [];
    return check().then(
      () => [],
      (error: Error) => [`${name}: ${error.message}`],
    );
  };
  const all: string[] = [];
  for (const check of conformance(plugin, subject)) {
    if (names.length === 0 || names.includes(check.name)) all.push(...(await run(check)));
  }
  return all;
}

describe("conformance", () => {
  it("finds nothing wrong with a plugin that keeps its promises", async () => {
    expect(
      await failures(
        volume(() => ({})),
        takes,
      ),
    ).to.deep.equal([]);
  });

  const broken: Record<string, { plugin: Plugin<"volume">; check: string; says: string }> = {
    "has another name": {
      plugin: volume(() => ({ name: "other" })),
      check: "has the name that it is registered by",
      says: "other",
    },
    "opens a file when it is made": {
      plugin: volume(() => {
        openSync("/dev/zero", "r");
        return {};
      }),
      check: "has nothing open before it is used",
      says: "/dev/zero",
    },
    "fails when it is made again": {
      plugin: volume(({ roots }) => {
        const fd = openSync(join(roots.run, "once"), "wx");
        return fd > 0 ? {} : {};
      }),
      check: "can be made many times, each its own",
      says: "EEXIST",
    },
    "leaves a mount": {
      plugin: volume(({ sys, roots }) => ({
        made: { prepare: () => sys.mounts.bind("/etc", join(roots.run, "mount")).then(() => ({})) },
      })),
      check: "leaves nothing once it is undone, and may be undone again",
      says: "of bind at",
    },
    "leaves a directory": {
      plugin: volume(({ roots }) => {
        const path = join(roots.run, "left");
        return { made: { prepare: () => mkdir(path, { recursive: true }).then(() => ({})) } };
      }),
      check: "leaves nothing once it is undone, and may be undone again",
      says: "/left",
    },
    "leaves what it made before a call that is refused": {
      plugin: volume(({ sys, roots }) => {
        const [one, two] = [join(roots.run, "one"), join(roots.run, "two")];
        let made: string[] = [];
        const prepare = async (): Promise<object> => {
          await sys.mounts.bind("/etc", one);
          await sys.mounts.bind("/etc", two);
          made = [two, one];
          return {};
        };
        const cleanup = async (): Promise<void> => {
          for (const path of made.splice(0)) await sys.mounts.unmount(path);
        };
        return { made: { prepare, cleanup } };
      }),
      check: "leaves nothing whichever call the kernel refuses",
      says: "after mounts.bind was refused",
    },
    "cannot be undone twice": {
      plugin: volume(() => {
        let undone = 0;
        return {
          made: {
            cleanup: async () => {
              if (++undone > 1) throw new Error("it is undone already");
            },
          },
        };
      }),
      check: "leaves nothing once it is undone, and may be undone again",
      says: "it is undone already",
    },
    "has a state that JSON does not hold": {
      plugin: volume(() => ({ made: { state: () => new Map([["a", 1]]) } })),
      check: "says its state in a form that a file can hold",
      says: "another one when JSON has held it",
    },
    "breaks over a state that somebody else has written": {
      plugin: volume(() => ({
        made: { adopt: async (state: { path: { length: number } }) => void state.path.length },
      })),
      check: "refuses what is no state of its own with an error that has a code",
      says: "Cannot read properties",
    },
    "takes what is not its own": {
      plugin: volume(() => ({})),
      check: "leaves to others what is not for it",
      says: "it takes",
    },
    "never ends": {
      plugin: volume(() => ({ made: { prepare: () => new Promise(() => undefined) } })),
      check: "leaves nothing once it is undone, and may be undone again",
      says: 'waited 200 ms for the check "leaves nothing once',
    },
  };
  for (const [what, { plugin, check, says }] of Object.entries(broken)) {
    it(`finds a volume that ${what}`, async () => {
      const leaves = () => [{ mount: { destination: "/other", type: "another" } }];
      const subject = { ...takes, leaves, ...(what === "never ends" && { ms: 200 }) };
      const [found = "no failure"] = await failures(plugin, subject, check);
      expect(found).to.include(`the plugin volume/broken does not keep`).and.include(says);
    });
  }

  const machine = (change: (fake: FakeHypervisor) => object): Plugin<"hypervisor"> =>
    definePlugin({
      api: 1,
      kind: "hypervisor",
      name: "fake",
      config: schemaOf((value) => value),
      create({ scope }) {
        const fake = new FakeHypervisor();
        scope.defer("fake", () => fake.destroy());
        return new Proxy(fake, {
          get(target, key) {
            const value: unknown = Reflect.get({ ...change(target) }, key) ?? Reflect.get(target, key, target);
            return typeof value === "function" ? (value.bind(target) as unknown) : value;
          },
        }) satisfies Hypervisor;
      },
    });

  it("finds a hypervisor that starts twice, and whose end was not wanted", async () => {
    const found = await failures(
      machine((fake) => ({
        start: async () => void (fake.spec = { vcpus: 1, memoryMiB: 1, kernelParameters: [] }),
        stop: async () => fake.crash(),
      })),
      {},
      "starts once",
      "starts, says which process it is, and ends in good order",
    );
    expect(found.join("\n")).to.include("starts once").and.include('"exited" does not say that the end was wanted');
  });

  it("finds an endpoint that keeps a tap, and a root file system that keeps a share", async () => {
    const undone = "leaves nothing once it is undone, and may be undone again";
    const endpoint: EndpointDriver = {
      name: "fake",
      match: ({ kind }) => (kind === "veth" ? 1 : 0),
      create: ({ model, link, namespace, index }) => ({
        name: "it",
        async prepare() {
          const tapFds = await model.join({
            namespace,
            podInterface: link.name,
            tap: `tap${index}`,
            queuePairs: 1,
            rates: {},
          });
          const { hardwareAddress } = link;
          const device = { kind: "net", id: "it", hardwareAddress, tapFds, queueSize: 256, vhost: false } as const;
          return { device, interface: link.guest };
        },
        cleanup: async () => undefined,
      }),
    };
    const rootfs: RootfsDriver = {
      name: "fake",
      match: () => 1,
      create: ({ shareFs, rootPath }) => ({
        name: "it",
        async prepare() {
          const share = await shareFs?.share({ name: "root", source: rootPath, readOnly: false });
          return { guestPath: share?.guestPath ?? "/" };
        },
        cleanup: async () => undefined,
      }),
    };
    const of = <K extends "endpoint" | "rootfs">(kind: K, create: () => PluginKinds[K]) =>
      definePlugin({ api: 1, kind, name: "fake", config: noConfig, create: create as () => never });
    const found = [
      ...(await failures(of("endpoint", () => endpoint) as Plugin<"endpoint">, { takes: [linkInfo()] }, undone)),
      ...(await failures(of("rootfs", () => rootfs) as Plugin<"rootfs">, { takes: () => [{}] }, undone)),
    ].join("\n");
    expect(found).to.include("is joined with a link").and.include('the share "root"');
  });

  it("refuses to skip a check that there is not", () => {
    expect(() =>
      conformance(
        volume(() => ({})),
        { ...takes, skips: { flies: "it has no wings" } },
      ),
    ).to.throw(
      'the conformance suite cannot be made for the plugin volume/broken: there is no check "flies" that it could skip',
    );
  });
});
