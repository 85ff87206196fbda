import { expect } from "chai";
import fc from "fast-check";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { AnnotationGate, patternFor } from "../../../../src/core/config/annotation-gate.js";
import { annotationKeys, annotationPrefix } from "../../../../src/core/config/keys/annotation-keys.js";
import { agentKeys } from "../../../../src/core/config/keys/agent.js";
import { hypervisorKeys } from "../../../../src/core/config/keys/hypervisor.js";
import type { KeyTable } from "../../../../src/core/config/keys/key.js";
import { runtimeKeys } from "../../../../src/core/config/keys/runtime.js";
import type { LoadOptions } from "../../../../src/core/config/load.js";
import { KataError } from "../../../../src/core/errors/error.js";
import { ConfigFixture } from "./config-fixture.js";
import { qemuText } from "./kata-texts.js";

const prefixed = (annotations: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(annotations).map(([name, value]) => [annotationPrefix + name, value]));

describe("annotations", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  const enabling = (patterns: readonly string[], more = "") =>
    `[hypervisor.qemu]\nenable_annotations = ${JSON.stringify(patterns)}\n${more}`;
  const everything = enabling([".*"]);

  const load = (text: string, annotations: Record<string, string>, options: LoadOptions = {}) =>
    fixture.load(text, { annotations: prefixed(annotations), ...options });
  const refusal = (text: string, annotations: Record<string, string>, options: LoadOptions = {}) =>
    fixture.refusal(text, { annotations: prefixed(annotations), ...options });

  describe("are refused unless enable_annotations names them", () => {
    it("as with nothing enabled, saying how to enable them", async () => {
      const error = await refusal("[hypervisor.qemu]", {
        "hypervisor.default_vcpus": "2",
        "agent.enable_tracing": "true",
      });
      expect(error.code).to.equal("KATA_CONFIG_ANNOTATION_REFUSED");
      expect(error.status).to.equal("PERMISSION_DENIED");
      expect(error.message).to.equal(
        "annotations that configuration does not allow: io.katacontainers.config.agent.enable_tracing; to allow them " +
          'add "agent\\\\.enable_tracing" to enable_annotations of [hypervisor.qemu] (it is not set, which allows none)',
      );
    });

    it("by a pattern that fits the whole name", async () => {
      const error = await refusal(enabling(["vcpus", "default", "kernel"]), { "hypervisor.default_vcpus": "2" });
      expect(error.message).to.contain('add "default_vcpus"').and.to.contain(`${fixture.file}:2`);
      for (const pattern of [
        "default_vcpus",
        "default_.*",
        "hypervisor\\.default_vcpus",
        "a|default_vcpus",
        "^default_vcpus$",
      ]) {
        const config = await load(enabling([pattern]), { "hypervisor.default_vcpus": "2" });
        expect(config.hypervisor.default_vcpus, pattern).to.equal(2);
      }
    });

    it("by the whole of a pattern that has alternatives", async () => {
      for (const pattern of ["a|path", "path|a", "ab?|path$|x"]) {
        const error = await refusal(enabling([pattern]), { "hypervisor.jailer_path": "/x" });
        expect(error.code, pattern).to.equal("KATA_CONFIG_ANNOTATION_REFUSED");
        expect(new AnnotationGate([pattern]).allows("hypervisor.path"), pattern).to.equal(true);
        expect(new AnnotationGate([pattern]).allows("hypervisor.path_hash"), pattern).to.equal(false);
      }
    });

    it("for the agent and the runtime too, by their names with the group", async () => {
      for (const [name, value] of [
        ["agent.kernel_modules", "x"],
        ["runtime.disable_guest_seccomp", "false"],
        ["runtime.create_container_timeout", "60"],
      ] as const) {
        const bare = name.split(".")[1] ?? "";
        expect((await refusal(enabling([bare]), { [name]: value })).code).to.equal("KATA_CONFIG_ANNOTATION_REFUSED");
        await load(enabling([patternFor(name)]), { [name]: value });
      }
    });

    it("with what Kata installs, of which agent and runtime are no part", async () => {
      const text = qemuText(fixture.installed);
      await load(text, { "hypervisor.default_memory": "1024", "hypervisor.enable_iommu": "true" });
      const error = await refusal(text, { "runtime.disable_guest_seccomp": "true" });
      expect(error.code).to.equal("KATA_CONFIG_ANNOTATION_REFUSED");
    });

    it("by the list of the hypervisor that they are for", async () => {
      const text = [
        "[hypervisor.qemu]",
        'enable_annotations = ["runtime.hypervisor_name"]',
        "[hypervisor.other]",
        'enable_annotations = ["default_memory"]',
      ].join("\n");
      const both = { "runtime.hypervisor_name": "other", "hypervisor.default_memory": "1024" };
      const config = await load(text, both);
      expect(config.runtime.hypervisor_name).to.equal("other");
      expect(config.hypervisor.default_memory).to.equal(1024);
      const alone = await refusal(text, { "hypervisor.default_memory": "1024" });
      expect(alone.message).to.contain("enable_annotations of [hypervisor.qemu]");
      const wrong = await refusal(text, { ...both, "runtime.enable_pprof": "true" });
      expect(wrong.message).to.contain("enable_annotations of [hypervisor.qemu]");
    });

    it("whatever the name and the patterns", () => {
      const letter = fc.constantFrom("a", "b", "k", ".", "_");
      const word = fc.array(letter, { minLength: 1, maxLength: 5 }).map((letters) => letters.join(""));
      const literal = word.map(patternFor);
      const group = fc.constantFrom("hypervisor", "agent", "runtime");
      fc.assert(
        fc.property(fc.array(fc.tuple(word, literal)), group, word, (pairs, ofGroup, name) => {
          // A pattern written for one word enables that word alone.
          const words = pairs.map(([one]) => one);
          const gate = new AnnotationGate(words.map((one) => one.replaceAll(".", "\\.")));
          const full = `${ofGroup}.${name}`;
          const expected = words.includes(full) || (ofGroup === "hypervisor" && words.includes(name));
          expect(gate.allows(full)).to.equal(expected);
        }),
        { numRuns: 500 },
      );
    });

    it("one by one, of all there are", async () => {
      for (const name of Object.keys(annotationKeys)) {
        const error = await refusal(enabling(["nothing_.*"]), { [name]: "1" });
        const isNever = annotationKeys[name]?.never !== undefined;
        expect(error.code, name).to.equal(`KATA_CONFIG_ANNOTATION_${isNever ? "NEVER" : "REFUSED"}`);
      }
    });
  });

  describe("that are never allowed", () => {
    it("are config_path, sandbox_bind_mounts and the prefetch list", async () => {
      for (const name of ["runtime.sandbox_bind_mounts", "hypervisor.prefetch_files.list"]) {
        const error = await refusal(everything, { [name]: "/" });
        expect(error.code).to.equal("KATA_CONFIG_ANNOTATION_NEVER");
        expect(error.status).to.equal("PERMISSION_DENIED");
      }
      const path = await fixture.refusal(everything, {
        annotations: { "io.katacontainers.config_path": "/evil.toml" },
      });
      expect(path.code).to.equal("KATA_CONFIG_ANNOTATION_NEVER");
      expect(path.message).to.contain("the host alone chooses its configuration file");
    });

    it("cannot add plugins", async () => {
      for (const name of ["plugins", "runtime.plugins", "hypervisor.plugins"]) {
        expect((await refusal(everything, { [name]: "x" })).code).to.equal("KATA_CONFIG_ANNOTATION_UNKNOWN");
      }
    });
  });

  it("that do not exist are errors with the nearest name", async () => {
    const error = await refusal(everything, { "hypervisor.default_vcpu": "1" });
    expect(error.code).to.equal("KATA_CONFIG_ANNOTATION_UNKNOWN");
    expect(error.message).to.equal(
      "there is no annotation io.katacontainers.config.hypervisor.default_vcpu; did you mean io.katacontainers.config.hypervisor.default_vcpus?",
    );
    for (const name of ["", "hypervisor", "hypervisor.", "hypervisor.__proto__", "toString", "agent.policy"]) {
      expect((await refusal(everything, { [name]: "" })).code, name).to.equal("KATA_CONFIG_ANNOTATION_UNKNOWN");
    }
  });

  it("of others are passed over", async () => {
    const annotations = {
      "io.kubernetes.cri.sandbox-id": "x",
      "io.katacontainers.container.resource.swappiness": "60",
    };
    const config = await fixture.load("", { annotations });
    expect(config.listing().every((entry) => entry.origin.kind === "default")).to.equal(true);
  });

  it("name keys that are there", () => {
    const tables: Record<string, KeyTable> = { hypervisor: hypervisorKeys, agent: agentKeys, runtime: runtimeKeys };
    for (const [name, { table, key, within }] of Object.entries(annotationKeys)) {
      expect(tables[table]?.[key], name).to.be.an("object");
      if (within !== undefined) expect(tables[table]?.[within]?.type, name).to.equal("list of strings");
    }
  });

  describe("give values", () => {
    it("of the type of their key, with their name as origin", async () => {
      const config = await load(everything, {
        "hypervisor.default_vcpus": "1.5",
        "hypervisor.default_max_vcpus": "4",
        "hypervisor.default_memory": "1GiB",
        "hypervisor.enable_iommu": "true",
        "hypervisor.machine_type": "microvm",
        "hypervisor.block_device_num_queues": "4",
        "hypervisor.cc_init_data": "aGVsbG8=",
        "agent.cdh_api_timeout_ms": "70000",
        "runtime.create_container_timeout": "90",
        "runtime.internetworking_model": "none",
        "runtime.name": "virt-container",
        "runtime.shared_mounts": '[{"name":"m","src_ctr":"a","src_path":"/x","dst_ctr":"b","dst_path":"/y"}]',
      });
      expect(config.hypervisor).to.include({
        default_vcpus: 1.5,
        default_maxvcpus: 4,
        default_memory: 1024,
        enable_iommu: true,
        machine_type: "microvm",
        num_queues: 4,
        initdata: "aGVsbG8=",
      });
      expect(config.agent).to.include({ cdh_api_timeout_ms: 70000, create_container_timeout: 90 });
      expect(config.runtime).to.include({ internetworking_model: "none", name: "virt-container" });
      expect(config.runtime.shared_mounts).to.have.length(1);
      expect(config.hypervisorOrigin("default_memory")).to.deep.equal({
        kind: "annotation",
        name: "io.katacontainers.config.hypervisor.default_memory",
      });
    });

    it("that are added to lists", async () => {
      const text = enabling([".*"], 'virtio_fs_extra_args = ["-a"]\n[agent.kata]\nkernel_modules = ["m1"]\n');
      const config = await load(text, {
        "hypervisor.virtio_fs_extra_args": "-b, --c=1",
        "agent.kernel_modules": "m2 x=1;m3",
      });
      expect(config.hypervisor.virtio_fs_extra_args).to.deep.equal(["-a", "-b", "--c=1"]);
      expect(config.agent.kernel_modules).to.deep.equal(["m1", "m2 x=1", "m3"]);
      expect(config.hypervisorOrigin("virtio_fs_extra_args").kind).to.equal("annotation");
    });

    it("that must be of the type and in the range of their key", async () => {
      const cases: [string, string, string][] = [
        ["hypervisor.enable_iommu", "1", "is neither true nor false"],
        ["hypervisor.memory_slots", "ten", "is not a whole number"],
        ["hypervisor.memory_slots", "1.5", "is not a whole number"],
        ["hypervisor.memory_slots", "", "is not a whole number"],
        ["hypervisor.default_vcpus", "0x10", "is not a number"],
        ["hypervisor.default_vcpus", "1e3", "is not a number"],
        ["hypervisor.default_memory", "lots", "is not a size"],
        ["runtime.shared_mounts", "[", "is not JSON"],
      ];
      for (const [name, value, says] of cases) {
        const error = await refusal(everything, { [name]: value });
        expect(error.code).to.equal("KATA_CONFIG_ANNOTATION_VALUE");
        expect(error.message).to.contain(`${annotationPrefix}${name} = ${JSON.stringify(value)} ${says}`);
      }
      const small = await refusal(everything, { "hypervisor.default_memory": "10" });
      expect(small.message).to.contain(
        "annotation io.katacontainers.config.hypervisor.default_memory: hypervisor.qemu.default_memory is 10; it takes from 64 MiB",
      );
      for (const [name, value] of [
        ["hypervisor.pcie_root_port", "17"],
        ["hypervisor.rx_rate_limiter_max_rate", "18446744073709551615"],
        ["hypervisor.default_vcpus", "257"],
        ["hypervisor.block_device_queue_size", "100"],
        ["hypervisor.virtio_fs_cache", "sometimes"],
        ["runtime.shared_mounts", "{}"],
        ["runtime.shared_mounts", "[null]"],
      ] as const) {
        expect(await refusal(everything, { [name]: value })).to.be.instanceOf(KataError);
      }
    });

    it("that must suit the rest of the configuration", async () => {
      const error = await refusal(enabling([".*"], "default_maxvcpus = 2"), { "hypervisor.default_vcpus": "4" });
      expect(error.message).to.contain("is 2, less than default_vcpus = 4");
    });

    it("that are neither too long nor have a NUL", async () => {
      const long = await refusal(everything, { "hypervisor.machine_type": "x".repeat(65_537) });
      expect(long.message).to.contain("is longer than 65536 characters").and.to.have.length.below(500);
      const nul = await refusal(everything, { "hypervisor.machine_type": "a\0b" });
      expect(nul.message).to.contain("NUL");
      const name = await refusal(everything, { ["x".repeat(100_000)]: "" });
      expect(name.message).to.have.length.below(500);
    });

    it("that choose only a table which is there", async () => {
      const error = await refusal(everything, { "runtime.hypervisor_name": "firecracker" });
      expect(error.message).to.contain("names no table of the configuration");
      expect((await load(everything, { "runtime.hypervisor_name": "qemu" })).runtime.hypervisor_name).to.equal("qemu");
    });
  });

  describe("with paths", () => {
    it("must fit the patterns for them", async () => {
      const { qemu, virtiofsd } = fixture.installed;
      const text = enabling(
        [".*"],
        `valid_hypervisor_paths = ["${fixture.directory}/bin/q*"]\nvalid_virtio_fs_daemon_paths = ["${virtiofsd}"]`,
      );
      const config = await load(text, { "hypervisor.path": qemu, "hypervisor.virtio_fs_daemon": virtiofsd });
      expect(config.hypervisor).to.include({ path: qemu, virtio_fs_daemon: virtiofsd });
      for (const path of [
        virtiofsd,
        "/bin/sh",
        "qemu",
        "",
        `${qemu}/../virtiofsd`,
        `${fixture.directory}/bin/q/../virtiofsd`,
      ]) {
        const error = await refusal(text, { "hypervisor.path": path });
        expect(error.code, path).to.equal("KATA_CONFIG_ANNOTATION_VALUE");
      }
      const none = await refusal(everything, { "hypervisor.entropy_source": "/dev/random" });
      expect(none.message).to.contain("fits no pattern of valid_entropy_sources ([])");
    });

    it("of kernels and images must lie beside the configured one, links resolved", async () => {
      const { kernel, image } = fixture.installed;
      const other = fixture.write("share/vmlinux-other", "kernel");
      const elsewhere = fixture.write("secrets/shadow", "root");
      const link = join(fixture.directory, "share/link");
      symlinkSync(elsewhere, link);
      const text = enabling([".*"], `kernel = "${kernel}"`);
      expect((await load(text, { "hypervisor.kernel": other })).hypervisor.kernel).to.equal(other);
      for (const path of [elsewhere, link, "/nowhere", "/etc/shadow", `${fixture.directory}/share/../secrets/shadow`]) {
        const error = await refusal(text, { "hypervisor.kernel": path });
        expect(error.code, path).to.equal("KATA_CONFIG_ANNOTATION_VALUE");
      }
      const unset = await refusal(everything, { "hypervisor.image": image });
      expect(unset.message).to.contain("which is in none of /usr/share/kata-containers");
      const options = { imageDirectories: [join(fixture.directory, "share")] };
      expect((await load(everything, { "hypervisor.image": image }, options)).hypervisor.image).to.equal(image);
    });
  });

  describe("with kernel parameters", () => {
    const text = enabling(["kernel_params"], 'kernel_params = "quiet console=ttyS0 a.b=1"');

    it("replace those of the same name and come last", async () => {
      const config = await load(text, { "hypervisor.kernel_params": "console=hvc0 nr_cpus=1" });
      expect(config.hypervisor.kernel_params).to.equal("quiet a.b=1 console=hvc0 nr_cpus=1");
    });

    it("that choose what runs first or speak to the agent need to be named themselves", async () => {
      for (const param of [
        "init=/bin/sh",
        "agent.debug_console",
        "root=/dev/vdb",
        "systemd.unit=x",
        "dm-mod.create=x",
      ]) {
        const error = await refusal(text, { "hypervisor.kernel_params": `quiet ${param}` });
        expect(error.code, param).to.equal("KATA_CONFIG_ANNOTATION_REFUSED");
        expect(error.message).to.contain(JSON.stringify(param)).and.to.contain('add "kernel_params\\\\.');
      }
      const named = enabling(["kernel_params", "kernel_params\\.agent\\.log"]);
      const config = await load(named, { "hypervisor.kernel_params": "agent.log=debug" });
      expect(config.hypervisor.kernel_params).to.equal("agent.log=debug");
      const other = await refusal(named, { "hypervisor.kernel_params": "agent.log=debug agent.trace=true" });
      expect(other.message).to.contain("agent.trace").and.not.to.contain("agent.log=debug");
    });

    it("have no quotes, no -- and only ASCII", async () => {
      for (const params of ['x="a init=/bin/sh"', "a -- /bin/sh", "a\u00a0init=/bin/sh", "é=1", '"']) {
        const error = await refusal(everything, { "hypervisor.kernel_params": params });
        expect(error.code, params).to.equal("KATA_CONFIG_ANNOTATION_VALUE");
      }
    });

    it("never let a guarded one through, however it is written", async () => {
      const guarded = fc.constantFrom(
        "init=/x",
        "rdinit=/x",
        "agent.log=x",
        "root=/x",
        "sysctl.kernel.x=1",
        "dm_mod.create=1",
      );
      const filler = fc.constantFrom("a", " ", "  ", "\t", "\n", '"', "--", "=", "b=1", "\u00a0", "\v");
      await fc.assert(
        fc.asyncProperty(fc.array(filler), guarded, fc.array(filler), async (before, param, after) => {
          const params = [...before, " ", param, " ", ...after].join("");
          const error = await refusal(text, { "hypervisor.kernel_params": params });
          expect(error.code).to.match(/^KATA_CONFIG_ANNOTATION_(REFUSED|VALUE)$/);
        }),
        { numRuns: 60 },
      );
    });
  });
});
