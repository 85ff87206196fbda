/**
 * What the compiler must refuse of plugins, and what it must know. Nothing here is run: the ordinary build fails when a line
 * that is expected to be wrong is not.
 */
import type { Agent, ConfiguredSchema, Hypervisor, PluginContext, PluginInstance } from "../../src/plugin.js";
import { defineKind, definePlugin, noConfig, requireCapability, schemaOf } from "../../src/plugin.js";

/** Fails to compile unless both are the same type. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const same = <A, B>(_proof: Same<A, B>): void => undefined;

const volume = {
  name: "acme",
  match: () => 1,
  create: () => ({ name: "v", prepare: async () => ({}), cleanup: async () => undefined }),
};
const base = { api: 1, name: "acme", config: noConfig } as const;

definePlugin({ ...base, kind: "volume", create: () => volume });
definePlugin({ ...base, kind: "volume", create: async () => volume });

// @ts-expect-error a volume driver has a match
definePlugin({ ...base, kind: "volume", create: () => ({ name: "acme", create: volume.create }) });
// @ts-expect-error a hypervisor is no volume driver
definePlugin({ ...base, kind: "hypervisor", create: () => volume });
// @ts-expect-error create gives something
definePlugin({ ...base, kind: "volume", create: () => undefined });
// @ts-expect-error match gives a number
definePlugin({ ...base, kind: "volume", create: () => ({ ...volume, match: () => "yes" }) });
// @ts-expect-error a slip of the pen is no kind
definePlugin({ ...base, kind: "volum", create: () => volume });
// @ts-expect-error there is a name
definePlugin({ api: 1, config: noConfig, kind: "volume", create: () => volume });
// @ts-expect-error there is a schema
definePlugin({ api: 1, name: "acme", kind: "volume", create: () => volume });
// @ts-expect-error there is no such version of the contract
definePlugin({ ...base, api: 7, kind: "volume", create: () => volume });
// @ts-expect-error a requirement names kind and name
definePlugin({ ...base, kind: "volume", requires: ["volume/shm"], create: () => volume });

// The configuration has the type that the schema gives.
definePlugin({
  api: 1,
  kind: "volume",
  name: "acme",
  config: schemaOf((value) => ({ size: Number(value) })),
  create(ctx, config) {
    same<typeof config, { size: number }>(true);
    same<typeof ctx, PluginContext>(true);
    // @ts-expect-error the schema gives no such key
    void config.colour;
    return volume;
  },
});

// What a schema says of configuration besides is data.
const standard = { "~standard": { version: 1, vendor: "acme", validate: () => ({ value: { size: 1 } }) } } as const;
const size = { type: "integer", default: 1, description: "How much.", effect: "implemented", unit: "MiB" } as const;
const configured: ConfiguredSchema<{ size: number }> = {
  ...standard,
  kataConfig: { keys: { size }, uses: ["hypervisor.path", "runtime.name"] },
};
definePlugin({
  ...base,
  config: configured,
  kind: "volume",
  create: (_ctx, config) => (same<typeof config, { size: number }>(true), volume),
});
const unknown: ConfiguredSchema<unknown> = {
  ...standard,
  // @ts-expect-error core has no such key
  kataConfig: { uses: ["hypervisor.colour"] },
};
void unknown;
const wrong: ConfiguredSchema<unknown> = {
  ...standard,
  // @ts-expect-error there is no such type of a key
  kataConfig: { keys: { size: { ...size, type: "colour" } } },
};
void wrong;

// A kind of one's own is a value; nothing is merged.
interface ImageFilter {
  accepts(image: string): boolean;
}
const imageFilter = defineKind<ImageFilter>({
  name: "image-filter",
  selection: { by: "key", key: "runtime.image_filter", default: "none", none: "none" },
});
definePlugin({ ...base, kind: imageFilter, create: () => ({ accepts: () => true }) });
// @ts-expect-error an image filter accepts
definePlugin({ ...base, kind: imageFilter, create: () => ({}) });
// @ts-expect-error there is no such way of selecting
defineKind<ImageFilter>({ name: "image-filter", selection: { by: "magic" } });

/** What other plugins are, for one who asks for them. */
export async function askForPlugins({ plugins }: PluginContext): Promise<void> {
  same<PluginInstance<"hypervisor">, Hypervisor>(true);
  const hypervisor = await plugins.create("hypervisor", "qemu", "a test");
  same<typeof hypervisor, Hypervisor>(true);
  const chosen = await plugins.chosen("hypervisor");
  same<typeof chosen, Hypervisor>(true);
  const share = await plugins.chosen("share-fs");
  // @ts-expect-error configuration may choose none
  await share.cleanup();
  const filter = await plugins.chosen(imageFilter);
  same<typeof filter, ImageFilter | undefined>(true);
  const [first] = await plugins.all(imageFilter);
  same<typeof first, ImageFilter | undefined>(true);
  const unknown = await plugins.create("no-kind-of-core", "x", "a test");
  same<typeof unknown, unknown>(true);
  // @ts-expect-error a hypervisor has no such method
  await hypervisor.fly();
}

/** Capabilities are what they are named. */
export async function useCapabilities(hypervisor: Hypervisor, agent: Agent): Promise<void> {
  await hypervisor.capability("pause")?.pause();
  // @ts-expect-error it may be absent
  await hypervisor.capability("pause").pause();
  await requireCapability(hypervisor, "pause", "a test").pause();
  const { most } = requireCapability(hypervisor, "resize", "a test");
  same<typeof most.vcpus, number>(true);
  // @ts-expect-error there is no such capability
  hypervisor.capability("fly");
  // @ts-expect-error there is no such capability
  requireCapability(hypervisor, "fly", "a test");
  requireCapability(agent, "clock", "a test");
  // @ts-expect-error an agent is not paused
  requireCapability(agent, "pause", "a test");
  // @ts-expect-error pausing is no resizing
  requireCapability(hypervisor, "pause", "a test").vcpus(2);
}
