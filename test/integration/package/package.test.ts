import { expect } from "chai";
import { build } from "esbuild";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodePrograms } from "../../support/nodes.js";
import { installPacked, type Packed, packProject } from "../../support/packed.js";
import { projectDirectory } from "../../support/project.js";
import { runTool } from "../../support/run-tool.js";
import { skip } from "../../support/skip.js";

const project = projectDirectory();

/** What `package.json` says of the package, as far as it is tried here. */
interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as Manifest;

/** The entries of the package, as they are imported. */
const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target !== "string")
  .map(([name]) => `kata-ts${name.slice(1)}`);

/** Programs that are started as processes and threads, and lie beside whatever bundle the runtime is part of. */
const programs = ["kvm-probe.cjs", "vcpu-thread.cjs", "device-thread.cjs"];

describe("the package", () => {
  let packed: Packed;
  let folder: string;

  before(() => {
    packed = packProject();
    folder = installPacked(packed.tarball);
  });
  after(() => {
    packed.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a module in the user's folder. */
  const runModule = (text: string, node = process.execPath) => {
    const file = join(folder, "try.mjs");
    writeFileSync(file, text);
    return runTool(node, [file], folder, { NODE_OPTIONS: "" });
  };

  it("has what its own description names, and what is started or copied from it", () => {
    const targets = Object.values(manifest.exports).flatMap((one) =>
      typeof one === "string" ? [one] : Object.values(one),
    );
    const named = [...targets, ...Object.values(manifest.bin)].map((path) => path.replace("./", ""));
    const started = programs.flatMap((name) => [`dist/shim/${name}`, `dist/lib/${name}`]);
    const others = ["dist/shim/containerd-shim-kata-ts-v2", "dist/guest/agent.cjs", "README.md", "LICENSE"];
    expect(packed.files).to.include.members([...named, ...started, ...others]);
  });

  it("says on what terms it has the code of others", () => {
    const place = join(folder, "node_modules/kata-ts/dist");
    const said = readFileSync(join(place, "THIRD-PARTY-LICENSES"), "utf8");
    const named = new Set([...said.matchAll(/^(\S+) \S+ \(.+\)\n={72}$/gm)].map(([, name]) => name));
    const texts = readdirSync(join(place, "lib"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".js"))
      .map((path) => readFileSync(join(place, "lib", path), "utf8"));
    const inside = texts.flatMap((text) =>
      [...text.matchAll(/^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)/gm)].map(([, name]) => name),
    );
    expect(new Set(inside)).to.include("rxjs");
    expect([...named]).to.include.members([...new Set(inside)]);
  });

  it("has nothing that nobody needs, and is small", () => {
    const needless = /\.map$|\.cache$|\.test\.|(^|\/)(test|tools|bench|examples|node_modules)\/|dist\/guest\/agent\//;
    expect(packed.files.filter((path) => needless.test(path))).to.deep.equal([]);
    expect(packed.size, "bytes of the tarball").to.be.below(2_000_000);
    expect(packed.unpackedSize, "bytes unpacked").to.be.below(8_000_000);
  });

  it("is in order for publint", () => {
    const { status, stdout, stderr } = runTool("node_modules/.bin/publint", [packed.tarball, "--strict"]);
    expect(status, stdout + stderr).to.equal(0);
  });

  it("has types that every way of resolving modules finds, says attw", () => {
    const args = [packed.tarball, "--profile", "esm-only", "--no-emoji", "--no-color"];
    const { status, stdout, stderr } = runTool("node_modules/.bin/attw", args);
    expect(status, stdout + stderr).to.equal(0);
    for (const entry of entries) expect(stdout).to.contain(`"${entry}"`);
  });

  for (const { major, path } of nodePrograms()) {
    it(`is imported by Node ${major}, each entry by itself, and changes nothing by that`, function () {
      if (path === undefined) skip(this, `there is no Node ${major} here: run node tools/nodes.mjs`);
      for (const entry of entries) {
        const text = `
          const seen = () => [globalThis, Object.prototype, process.env].flatMap((one) => Object.getOwnPropertyNames(one))
            .concat(process.eventNames());
          const before = new Set(seen());
          const names = Object.keys(await import(${JSON.stringify(entry)}));
          console.log(process.versions.node, names.length > 0, seen().filter((name) => !before.has(name)));`;
        const { stdout, stderr, status } = runModule(text, path);
        expect(status, `${entry}: ${stderr}`).to.equal(0);
        expect(stdout).to.match(new RegExp(`^${major}\\.\\S+ true \\[\\]\n$`));
      }
    });
  }

  it("is one library, whichever entries it is imported by", () => {
    const text = `
      const entries = await Promise.all(${JSON.stringify(entries)}.map((name) => import(name)));
      const values = new Map();
      for (const entry of entries) {
        for (const [name, value] of Object.entries(entry)) values.set(name, [...(values.get(name) ?? []), value]);
      }
      const shared = [...values].filter(([, all]) => all.length > 1);
      const twice = shared.filter(([, all]) => new Set(all).size > 1).map(([name]) => name);
      let thrown;
      try {
        values.get("requireCapability")[0]({ name: "mine", capability: () => undefined }, "pause", "pausing");
      } catch (error) {
        thrown = error;
      }
      console.log(JSON.stringify({ shared: shared.length, twice, same: thrown instanceof values.get("KataError")[0] }));`;
    const { stdout, stderr } = runModule(text);
    expect(stderr).to.equal("");
    const { shared, ...said } = JSON.parse(stdout) as { shared: number; twice: string[]; same: boolean };
    expect(shared, "names that several entries have").to.be.above(10);
    expect(said).to.deep.equal({ twice: [], same: true });
  });

  it("has each module once: whoever imports it gets the same", () => {
    const place = join(folder, "node_modules/kata-ts/dist/lib");
    const found = new Map<string, Set<string>>();
    for (const file of readdirSync(place).filter((name) => name.endsWith(".js"))) {
      const text = readFileSync(join(place, file), "utf8");
      for (const [, module = ""] of text.matchAll(/^\/\/ ((?:dist|node_modules)\/\S+)$/gm)) {
        found.set(module, (found.get(module) ?? new Set()).add(file));
      }
    }
    expect(found.size, "modules").to.be.above(500);
    expect([...found].filter(([, files]) => files.size > 1)).to.deep.equal([]);
  });

  it("is a few files that are loaded, and those of plugins when they are made", () => {
    const loaded = (name: string) => {
      const text = readFileSync(join(folder, "node_modules/kata-ts/dist/lib", name), "utf8");
      const paths = [...text.matchAll(/^(?:import|export) .*from "\.\/(.*)";$/gm)].map(([, path]) => path);
      return [...new Set(paths)];
    };
    expect(loaded("index.js")).to.have.members(["base.js", "builtins.js", "core.js"]);
    expect(loaded("builtins.js")).to.have.members(["base.js", "core.js"]);
    expect(loaded("core.js")).to.have.members(["base.js"]);
    expect(loaded("plugin.js")).to.have.members(["base.js"]);
    expect(loaded("base.js")).to.have.members([]);
  });

  it("has stacks that can be read, with the names of functions and where they are", () => {
    const text = `
      import { Runtime } from "kata-ts";
      try {
        new Runtime({ plugins: [{ plugin: {}, origin: "here" }] });
      } catch ({ stack }) {
        console.log(stack);
      }`;
    expect(runModule(text).stdout).to.match(/at Registry\.register \(.*\/dist\/lib\/core\.js:\d{2,}:\d{1,3}\)/);
  });

  it("goes together with the user's own rxjs", () => {
    const text = `
      import { defineRequest, Dispatcher } from "kata-ts";
      import { firstValueFrom, map, of } from "rxjs";
      const add = defineRequest("acme.add");
      const twice = (message, next) => next(message).pipe(map((answer) => answer * 2));
      const dispatcher = new Dispatcher({ interceptors: [twice], activate: async () => undefined });
      dispatcher.handle(add, "acme", ({ a, b }) => of(a + b));
      console.log(await firstValueFrom(dispatcher.request(add({ a: 1, b: 2 })).pipe(map((answer) => answer + 1))));`;
    expect(runModule(text)).to.include({ stdout: "7\n", stderr: "" });
  });

  it("is imported by its entries and by nothing else", () => {
    const deep = 'import("kata-ts/dist/src/core/scope.js").catch((error) => console.log(error.code))';
    expect(runModule(deep).stdout).to.equal("ERR_PACKAGE_PATH_NOT_EXPORTED\n");
    const own = 'import own from "kata-ts/package.json" with { type: "json" }; console.log(own.name)';
    expect(runModule(own).stdout).to.equal("kata-ts\n");
  });

  it("has a program that runs from where it is installed", () => {
    const { stdout, status, stderr } = runTool(
      process.execPath,
      [join(folder, "node_modules/kata-ts", manifest.bin["kata-ts"] ?? ""), "plugins", "--json"],
      folder,
    );
    expect(status, stderr).to.equal(0);
    expect((JSON.parse(stdout) as { origin: string }[]).length).to.be.above(30);
  });

  it("is all that an example needs: a test without a machine passes, from the user's folder", () => {
    for (const name of ["pod.js", "without-a-machine.js"])
      copyFileSync(join(project, "dist/examples/pod", name), join(folder, name));
    const { stdout, stderr, status } = runTool(process.execPath, ["--test", "without-a-machine.js"], folder);
    expect(status, stdout + stderr).to.equal(0);
    expect(stdout).to.match(/^. pass 2$/m);
  });

  describe("bundled", () => {
    /** Reads the configuration, calls the kernel, and runs a program that lies beside: what goes wrong says where it looked. */
    const program = `
      import { lstatSync } from "node:fs";
      import { builtins, createLinuxSys, Runtime } from "kata-ts";
      import { probeKvm } from "kata-ts/vmm";
      const runtime = new Runtime({ plugins: builtins });
      const { runtime: said } = await runtime.config();
      const fifo = "fifo-" + process.pid;
      createLinuxSys().fifos.create(fifo, 0o600);
      const kernel = lstatSync(fifo).isFIFO();
      const { reason } = await probeKvm();
      await runtime.close();
      console.log(JSON.stringify({ handler: said.name, kernel, reason, plugins: runtime.registry.list().length }));`;

    const bundle = async (external: string[]) => {
      writeFileSync(join(folder, "program.mjs"), program);
      await build({
        absWorkingDir: folder,
        entryPoints: ["program.mjs"],
        outfile: join(folder, "out/bundle.mjs"),
        bundle: true,
        platform: "node",
        target: "node20",
        format: "esm",
        external,
        logLevel: "silent",
      });
      return runTool(process.execPath, [join(folder, "out/bundle.mjs")], folder);
    };

    const check = ({ status, stdout, stderr }: ReturnType<typeof runTool>) => {
      expect(status, stderr).to.equal(0);
      const said = JSON.parse(stdout) as { handler: string; kernel: boolean; reason: string; plugins: number };
      expect(said).to.include({ handler: "virt-container", kernel: true });
      expect(said.plugins).to.be.above(30);
      expect(said.reason).to.not.match(/could not be tried/);
    };

    it("works with the package left outside of the bundle", async () => {
      check(await bundle(["kata-ts"]));
    });

    it("works inside of the bundle, with koffi installed and the programs beside", async () => {
      const alone = await bundle([]);
      expect(alone.stdout, "without them").to.match(/could not be tried|there is no/);
      const place = join(folder, "node_modules/kata-ts/dist/shim");
      for (const name of programs) copyFileSync(join(place, name), join(folder, "out", name));
      check(runTool(process.execPath, [join(folder, "out/bundle.mjs")], folder));
    });

    it("says which module is missing where koffi is not installed", async () => {
      await bundle([]);
      const elsewhere = mkdtempSync(join(tmpdir(), "kata-ts-elsewhere-"));
      try {
        copyFileSync(join(folder, "out/bundle.mjs"), join(elsewhere, "bundle.mjs"));
        const { stderr, status } = runTool(process.execPath, [join(elsewhere, "bundle.mjs")], elsewhere);
        expect(status).to.equal(1);
        expect(stderr).to.contain("koffi");
      } finally {
        rmSync(elsewhere, { recursive: true, force: true });
      }
    });
  });

  describe("to a user's compiler", () => {
    /** Compiles a module that names each entry, the library's own declarations too. */
    const compile = (module: string, resolution: string) => {
      const lines = entries.map((entry, at) => `export * as entry${at} from ${JSON.stringify(entry)};`);
      writeFileSync(join(folder, "user.ts"), lines.join("\n"));
      const options = { strict: true, noEmit: true, skipLibCheck: false, target: "es2022", module };
      const compilerOptions = { ...options, moduleResolution: resolution, types: ["node"] };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["user.ts"] }));
      return runTool(join(project, "node_modules/.bin/tsc"), ["-p", folder], folder);
    };

    for (const [module, resolution] of [
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ] as const) {
      it(`has declarations that are right by themselves, with modules resolved as ${resolution} does`, () => {
        const { status, stdout } = compile(module, resolution);
        expect(status, stdout).to.equal(0);
      });
    }
  });
});
