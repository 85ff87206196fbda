import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { cleanupStale } from "../../../src/core/share-fs/cleanup-stale.js";
import type { SandboxMode } from "../../../src/plugins/storage/virtio-fs/command-line.js";
import type { VirtioFs } from "../../../src/plugins/storage/virtio-fs/virtio-fs.js";
import { checkLeaks } from "../../support/leaks.js";
import {
  connectClient,
  daemons,
  daemonsOf,
  insideDaemon,
  makePlace,
  makeShare,
  needsDaemon,
  never,
  type Place,
  sys,
  until,
} from "./fixture.js";

const failureOf = (doing: Promise<unknown>): Promise<unknown> =>
  doing.then(
    () => "no failure",
    (error: unknown) => error,
  );

describe("virtio-fs", function () {
  this.timeout(30_000);
  let place: Place;
  let share: VirtioFs;

  before(function () {
    needsDaemon(this);
  });

  beforeEach(() => {
    place = makePlace();
  });

  afterEach(async () => {
    await share.cleanup();
    await sys.mounts.unmountTree(place.root, { detach: true });
    place.remove();
  });

  checkLeaks(() => ({ marks: [place.root], directories: [place.root] }));

  for (const daemon of daemons) {
    for (const sandbox of ["namespace", "chroot"] satisfies SandboxMode[]) {
      describe(`${daemon} in a ${sandbox}`, () => {
        beforeEach(() => {
          share = makeShare(place, { settings: { daemon }, sandbox });
        });

        it("shows the daemon what is shared before it starts, after, and no longer than that", async () => {
          const source = place.make("source");
          writeFileSync(join(source, "file"), "hello");
          const contribution = await share.prepare(never);
          expect(contribution.devices).to.deep.equal([
            { kind: "fs", id: "share-fs", tag: "kataShared", socket: place.socket, queueSize: 1024, cacheSizeMiB: 0 },
          ]);
          expect(contribution.storages).to.deep.equal([
            {
              driver: "virtio-fs",
              source: "kataShared",
              fstype: "virtiofs",
              options: ["nodev"],
              mountPoint: "/run/kata-containers/shared/containers",
            },
          ]);
          const early = await share.share({ name: "early/rootfs", source, readOnly: false });
          const client = await connectClient(place.socket);
          const inside = await insideDaemon(place.root);
          const late = await share.share({ name: "late", source: join(source, "file"), readOnly: true });
          expect(early.guestPath).to.equal("/run/kata-containers/shared/containers/early/rootfs");
          expect(late.guestPath).to.equal("/run/kata-containers/shared/containers/late");

          expect(readFileSync(inside("early/rootfs/file"), "utf8")).to.equal("hello");
          expect(readFileSync(inside("late"), "utf8")).to.equal("hello");
          writeFileSync(inside("early/rootfs/new"), "from inside");
          expect(readFileSync(join(source, "new"), "utf8")).to.equal("from inside");
          expect(() => writeFileSync(inside("late"), "x")).to.throw(/EROFS/);
          // Nothing can be written beside what was shared.
          expect(() => mkdirSync(inside("intruder"))).to.throw(/EROFS/);
          expect(() => writeFileSync(inside("early/intruder"), "")).to.throw(/EROFS/);

          await Promise.all([early.release(), early.release()]);
          expect(readdirSync(inside("/"))).to.deep.equal(["late"]);
          expect(readFileSync(join(source, "file"), "utf8")).to.equal("hello");
          await late.release();
          expect(readdirSync(inside("/"))).to.deep.equal([]);
          client.destroy();
        });

        it("sees nothing of the host but the share", async () => {
          await share.prepare(never);
          const client = await connectClient(place.socket);
          const inside = await insideDaemon(place.root);
          expect(readdirSync(inside("/"))).to.deep.equal([]);
          client.destroy();
        });

        it("ends with its client, and is then known to have", async () => {
          await share.prepare(never);
          const client = await connectClient(place.socket);
          await insideDaemon(place.root);
          client.destroy();
          await until("the daemon to end", () => daemonsOf(place.root).length === 0 || undefined);
        });

        it("is ended when nobody ever connected, and when it is in use", async () => {
          await share.prepare(never);
          expect(daemonsOf(place.root)).not.to.deep.equal([]);
          await share.cleanup();
          expect(daemonsOf(place.root)).to.have.length(0);
          expect(existsSync(place.socket)).to.equal(false);

          share = makeShare(place, { settings: { daemon }, sandbox });
          await share.prepare(never);
          const client = await connectClient(place.socket);
          await insideDaemon(place.root);
          await share.cleanup();
          expect(daemonsOf(place.root)).to.have.length(0);
          client.destroy();
        });

        it("tells when it dies", async () => {
          await share.prepare(never);
          const client = await connectClient(place.socket);
          await insideDaemon(place.root);
          const [parent] = daemonsOf(place.root);
          process.kill(parent as number, "SIGKILL");
          const error = await share.failed;
          expect(error).to.have.property("code", "KATA_VIRTIOFS_DIED");
          expect(error.message).to.match(/SIGKILL.*Waiting for vhost-user/s);
          client.destroy();
        });
      });
    }
  }

  describe("its socket", () => {
    beforeEach(() => {
      share = makeShare(place);
    });

    it("is there with mode 0600 before the daemon runs, and refuses once it has died", async () => {
      await share.prepare(never);
      expect(statSync(place.socket).mode & 0o777).to.equal(0o600);
      const [pid] = daemonsOf(place.root);
      process.kill(pid as number, "SIGKILL");
      await share.failed;
      expect(await failureOf(connectClient(place.socket))).to.have.property("code", "ECONNREFUSED");
    });
  });

  describe("a daemon that does not work", () => {
    const script = (text: string): string => {
      const path = join(place.root, "daemon");
      writeFileSync(path, `#!/bin/sh\n${text}\n`);
      chmodSync(path, 0o755);
      return path;
    };

    it("is named with where it is configured when it is not there", async () => {
      share = makeShare(place, { settings: { daemon: "/none/virtiofsd", daemonWhere: "/etc/k.toml:7" } });
      const error = await failureOf(share.prepare(never));
      expect(error).to.have.property("code", "KATA_VIRTIOFS_DAEMON_MISSING");
      expect(error).to.have.property("message").that.includes("/none/virtiofsd").and.includes("/etc/k.toml:7");
    });

    it("is reported with its words when it is something else", async () => {
      share = makeShare(place, { settings: { daemon: script("echo I make coffee") } });
      const error = await failureOf(share.prepare(never));
      expect(error).to.have.property("code", "KATA_VIRTIOFS_DAEMON_UNKNOWN");
      expect(error).to.have.property("message").that.includes("I make coffee");
    });

    it("is reported with its words when it ends at once", async () => {
      share = makeShare(place, {
        settings: {
          daemon: script(`[ "$1" = --version ] && exec echo virtiofsd 1.2.3; echo out of beans >&2; exit 4`),
        },
      });
      const error = await failureOf(share.prepare(never));
      expect(error).to.have.property("code", "KATA_VIRTIOFS_STARTUP");
      expect(error).to.have.property("message").that.includes("out of beans").and.includes("exit code 4");
    });
  });

  describe("sharing", () => {
    let client: Awaited<ReturnType<typeof connectClient>>;

    beforeEach(async () => {
      share = makeShare(place);
      await share.prepare(never);
      client = await connectClient(place.socket);
    });

    afterEach(() => {
      client.destroy();
    });

    it("takes the mounts below a source with it, read-only all of them when asked to", async () => {
      const source = place.make("source");
      const below = place.make("source/below");
      await sys.mounts.mount({ source: "test", target: below, type: "tmpfs" });
      writeFileSync(join(below, "file"), "in the submount");
      const inside = await insideDaemon(place.root);
      await share.share({ name: "ro", source, readOnly: true });
      await share.share({ name: "rw", source, readOnly: false });
      await share.share({ name: "flat", source, readOnly: false, recursive: false });
      expect(readFileSync(inside("ro/below/file"), "utf8")).to.equal("in the submount");
      expect(() => writeFileSync(inside("ro/below/file"), "x")).to.throw(/EROFS/);
      expect(() => writeFileSync(inside("ro/new"), "x")).to.throw(/EROFS/);
      writeFileSync(inside("rw/below/new"), "written");
      expect(readFileSync(join(below, "new"), "utf8")).to.equal("written");
      expect(readdirSync(inside("flat/below"))).to.deep.equal([]);
    });

    it("leaves a source's own mounts alone when it is released, also those that are shared with it", async () => {
      const source = place.make("source");
      await sys.mounts.mount({ source: "test", target: source, type: "tmpfs" });
      await sys.mounts.setPropagation(source, "shared");
      const below = place.make("source/a");
      await sys.mounts.mount({ source: "test", target: below, type: "tmpfs" });
      const deeper = place.make("source/a/b");
      await sys.mounts.mount({ source: "test", target: deeper, type: "tmpfs" });
      const before = sys.mounts.below(source).length;
      const one = await share.share({ name: "one", source, readOnly: false });
      await share.share({ name: "two", source, readOnly: true });
      await one.release();
      expect(sys.mounts.below(source).length).to.equal(before);
      await share.cleanup();
      expect(sys.mounts.below(source).length).to.equal(before);
      await sys.mounts.unmountTree(source);
    });

    it("shares a file that is replaced as it was: the mount is of the file, not of its name", async () => {
      const source = join(place.make("source"), "resolv.conf");
      writeFileSync(source, "old");
      const inside = await insideDaemon(place.root);
      await share.share({ name: "resolv.conf", source, readOnly: false });
      writeFileSync(source, "edited");
      expect(readFileSync(inside("resolv.conf"), "utf8")).to.equal("edited");
      await sys.files.writeFileAtomic(source, "replaced");
      expect(readFileSync(inside("resolv.conf"), "utf8")).to.equal("edited");
    });

    it("does not follow a link in place of the source, nor share what is neither file nor directory", async () => {
      const source = place.make("source");
      const secret = place.make("secret");
      symlinkSync(secret, join(source, "link"));
      sys.fifos.create(join(source, "fifo"));
      const server = createServer().listen(join(source, "socket"));
      const attempt = (path: string) => failureOf(share.share({ name: "x", source: path, readOnly: false }));
      for (const [path, what] of [
        [join(source, "link"), "symbolic link"],
        [join(source, "fifo"), "fifo"],
        [join(source, "socket"), "socket"],
        ["/dev/null", "character device"],
      ] as const) {
        const error = await attempt(path);
        expect(error).to.have.property("code", "KATA_SHARE_SOURCE");
        expect(error).to.have.property("message").that.includes(path).and.includes(what);
      }
      expect(await attempt(join(source, "none"))).to.have.property("code", "KATA_SHARE_MISSING");
      expect(await attempt("relative")).to.have.property("code", "KATA_SHARE_SOURCE");
      await new Promise((resolve) => server.close(resolve));
      // After all these failures the name is free and nothing of it is left.
      const inside = await insideDaemon(place.root);
      expect(readdirSync(inside("/"))).to.deep.equal([]);
      await share.share({ name: "x", source, readOnly: false });
    });

    it("refuses names that are taken, inside of another share, or no names", async () => {
      const source = place.make("source");
      const attempt = (name: string) => failureOf(share.share({ name, source, readOnly: false }));
      await share.share({ name: "c/rootfs", source, readOnly: false });
      expect(await attempt("c/rootfs")).to.have.property("code", "KATA_SHARE_EXISTS");
      for (const name of ["c", "c/rootfs/etc", "", "..", "a/../b", "/a", "a//b", "a/", "a\0b", "x".repeat(256)])
        expect(await attempt(name), JSON.stringify(name)).to.have.property("code", "KATA_SHARE_NAME");
      expect(readdirSync(source)).to.deep.equal([]);
      await share.share({ name: "c/volume", source, readOnly: false });
    });

    it("is undone also when cleanup comes while something is being shared or released", async () => {
      const source = place.make("source");
      const first = await share.share({ name: "first", source, readOnly: false });
      const sharing = ["a", "b", "c"].map((name) => failureOf(share.share({ name, source, readOnly: false })));
      const releasing = first.release();
      await share.cleanup();
      await Promise.all([...sharing, releasing]);
      expect(existsSync(place.directory)).to.equal(false);
    });

    it("is over after cleanup", async () => {
      const source = place.make("source");
      const kept = await share.share({ name: "kept", source, readOnly: false });
      await share.cleanup();
      await share.cleanup();
      await kept.release();
      expect(await failureOf(share.share({ name: "y", source, readOnly: false }))).to.have.property(
        "code",
        "KATA_SHARE_STATE",
      );
      expect(await failureOf(share.prepare(never))).to.have.property("code", "KATA_SHARE_STATE");
    });
  });

  it("is undone also when cleanup comes while it is being prepared", async () => {
    for (let turns = 0; turns < 12; turns++) {
      share = makeShare(place);
      const preparing = failureOf(share.prepare(never));
      for (let i = 0; i < turns ** 2; i++) await new Promise((resolve) => setImmediate(resolve));
      await share.cleanup();
      await preparing;
      expect(daemonsOf(place.root)).to.deep.equal([]);
      expect(existsSync(place.directory)).to.equal(false);
      expect(existsSync(place.socket)).to.equal(false);
    }
  });

  it("stops preparing when told", async () => {
    share = makeShare(place);
    const abort = new AbortController();
    abort.abort(new Error("changed my mind"));
    expect(await failureOf(share.prepare(abort.signal))).to.have.property("message", "changed my mind");
    expect(daemonsOf(place.root)).to.deep.equal([]);
  });

  describe("after a crash", () => {
    it("removes what was left, whatever is mounted in it, and nothing else", async () => {
      share = makeShare(place);
      await share.prepare(never);
      const source = place.make("source");
      await sys.mounts.mount({ source: "test", target: source, type: "tmpfs" });
      writeFileSync(join(source, "precious"), "kept");
      await share.share({ name: "c/rootfs", source, readOnly: false });
      for (const pid of daemonsOf(place.root)) process.kill(pid, "SIGKILL");
      await share.failed;

      const placeOf = { root: join(place.root, "shared"), namespace: "ns", sandboxId: "sandbox" };
      await cleanupStale(sys, placeOf);
      await cleanupStale(sys, placeOf);
      expect(existsSync(place.directory)).to.equal(false);
      expect(sys.mounts.below(place.directory)).to.deep.equal([]);
      expect(readFileSync(join(source, "precious"), "utf8")).to.equal("kept");
      await sys.mounts.unmount(source);
    });

    it("a new sandbox of the same name takes the place of what was left", async () => {
      const source = place.make("source");
      const crashed = makeShare(place);
      await crashed.prepare(never);
      await crashed.share({ name: "old", source, readOnly: false });
      for (const pid of daemonsOf(place.root)) process.kill(pid, "SIGKILL");
      await crashed.failed;
      rmSync(place.socket);

      share = makeShare(place);
      await share.prepare(never);
      const client = await connectClient(place.socket);
      const inside = await insideDaemon(place.root);
      expect(readdirSync(inside("/"))).to.deep.equal([]);
      client.destroy();
    });
  });
});
