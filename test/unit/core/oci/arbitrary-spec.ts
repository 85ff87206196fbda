import * as fc from "fast-check";
import type { OciLinux, OciLinuxResources, OciProcess, OciSpec } from "../../../../src/core/oci/spec.js";

/** Keeps what of an object is not undefined, as the converters do. */
const defined = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

const text = fc.string({ minLength: 1, unit: "grapheme" }).filter((value) => !value.includes("\0"));
const texts = fc.array(text, { minLength: 1, maxLength: 4 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 1, maxLength: 3 });
const truth = fc.constant(true as const);
const u32 = fc.nat({ max: 0xffffffff });
const positive = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const limit = fc.oneof(positive, fc.constant(-1));
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((v) => (v <= 2n ** 53n - 1n ? Number(v) : v));
const map = fc.dictionary(
  text.filter((key) => key !== "__proto__"),
  fc.string({ unit: "grapheme" }).filter((v) => !v.includes("\0")),
  { minKeys: 1, maxKeys: 3, noNullPrototype: true },
);
const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model).map(defined);

/** Processes in the form the converters give: what is absent is left out. */
export const arbitraryProcess: fc.Arbitrary<OciProcess> = record<Record<string, unknown>>({
  terminal: maybe(truth),
  consoleSize: maybe(fc.record({ height: u32, width: u32 })),
  user: record({ uid: u32, gid: u32, additionalGids: maybe(some(u32)), username: maybe(text) }),
  args: maybe(texts),
  env: maybe(texts),
  cwd: text,
  capabilities: maybe(record({ bounding: maybe(texts), effective: maybe(texts), ambient: maybe(texts) })),
  rlimits: maybe(some(fc.record({ type: text, hard: uint64, soft: uint64 }))),
  noNewPrivileges: maybe(truth),
  apparmorProfile: maybe(text),
  oomScoreAdj: maybe(fc.integer({ min: -1000, max: 1000 }).filter((v) => v !== 0)),
  selinuxLabel: maybe(text),
}) as fc.Arbitrary<OciProcess>;

const device = fc.record({ major: fc.nat(), minor: fc.nat(), rate: fc.nat() });

/** Resources in the form the converters give. */
export const arbitraryResources: fc.Arbitrary<OciLinuxResources> = record<Record<string, unknown>>({
  devices: maybe(
    some(
      record({
        allow: fc.boolean(),
        type: maybe(text),
        major: maybe(fc.nat()),
        minor: maybe(fc.nat()),
        access: maybe(text),
      }),
    ),
  ),
  memory: maybe(
    record({ limit: maybe(limit), reservation: maybe(limit), swap: maybe(limit), disableOOMKiller: maybe(truth) }),
  ),
  cpu: maybe(
    record({
      shares: maybe(positive),
      quota: maybe(limit),
      period: maybe(positive),
      realtimeRuntime: maybe(limit),
      realtimePeriod: maybe(positive),
      cpus: maybe(text),
      mems: maybe(text),
    }),
  ),
  pids: maybe(fc.record({ limit: fc.oneof(limit, fc.constant(0)) })),
  blockIO: maybe(
    record({
      weight: maybe(fc.integer({ min: 1, max: 1000 })),
      weightDevice: maybe(
        some(record({ major: fc.nat(), minor: fc.nat(), weight: maybe(fc.integer({ min: 1, max: 1000 })) })),
      ),
      throttleReadBpsDevice: maybe(some(device)),
      throttleWriteIOPSDevice: maybe(some(device)),
    }),
  ),
  hugepageLimits: maybe(some(fc.record({ pageSize: text, limit: positive }))),
  network: maybe(
    record({
      classID: maybe(positive.map((v) => (v % 0xffffffff) + 1)),
      priorities: maybe(some(fc.record({ name: text, priority: u32 }))),
    }),
  ),
});

const hooks = maybe(some(record({ path: text, args: maybe(texts), env: maybe(texts), timeout: maybe(positive) })));
const mapping = maybe(some(fc.record({ containerID: u32, hostID: u32, size: u32 })));

const arbitraryLinux: fc.Arbitrary<OciLinux> = record<Record<string, unknown>>({
  uidMappings: mapping,
  gidMappings: mapping,
  sysctl: maybe(map),
  resources: maybe(arbitraryResources),
  cgroupsPath: maybe(text),
  namespaces: maybe(some(record({ type: text, path: maybe(text) }))),
  devices: maybe(
    some(
      record({
        path: text,
        type: text,
        major: fc.nat(),
        minor: fc.nat(),
        fileMode: maybe(fc.integer({ min: 1, max: 0o7777 })),
        uid: maybe(fc.integer({ min: 1, max: 0xffffffff })),
      }),
    ),
  ),
  seccomp: maybe(
    record({
      defaultAction: text,
      architectures: maybe(texts),
      flags: maybe(texts),
      syscalls: maybe(
        some(
          record({
            names: texts,
            action: text,
            errnoRet: maybe(u32),
            args: maybe(
              some(
                record({
                  index: fc.nat({ max: 5 }),
                  value: uint64,
                  valueTwo: maybe(uint64.filter((v) => v !== 0)),
                  op: text,
                }),
              ),
            ),
          }),
        ),
      ),
    }),
  ),
  rootfsPropagation: maybe(text),
  maskedPaths: maybe(texts),
  readonlyPaths: maybe(texts),
  mountLabel: maybe(text),
  intelRdt: maybe(record({ l3CacheSchema: maybe(text) })),
});

/** Whole specifications in the form the converters give. */
export const arbitrarySpec: fc.Arbitrary<OciSpec> = record<Record<string, unknown>>({
  ociVersion: text,
  process: maybe(arbitraryProcess),
  root: maybe(record({ path: text, readonly: maybe(truth) })),
  hostname: maybe(text),
  mounts: maybe(some(record({ destination: text, source: maybe(text), type: maybe(text), options: maybe(texts) }))),
  hooks: maybe(record({ prestart: hooks, poststop: hooks, startContainer: hooks })),
  annotations: maybe(map),
  linux: maybe(arbitraryLinux),
}) as fc.Arbitrary<OciSpec>;
