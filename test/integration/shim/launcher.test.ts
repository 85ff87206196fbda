import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { DeleteResponse } from "../../../src/core/proto/gen/containerd/task.js";
import { type Finished, runProgram } from "../../support/program.js";
import { podAnnotations, ShimFixture } from "../../support/shim.js";

/** What the launcher says when it would have handed over to Node, in a PATH that has none. */
const handedOver = "there is no node in PATH";

describe("the launcher of the shim", () => {
  let shim: ShimFixture;
  let env: NodeJS.ProcessEnv;

  beforeEach(() => {
    shim = new ShimFixture();
    env = { PATH: shim.pathWithoutNode() };
  });

  afterEach(() => shim.close());

  describe("start, for a further container of a pod", () => {
    let address: string;

    beforeEach(async () => {
      shim.bundle("pod").configure({ annotations: podAnnotations("sandbox", "pod") });
      address = (await shim.start("pod")).stdout;
    });

    it("says where the pod's shim is, without Node", async () => {
      shim.bundle("c1").configure({ annotations: { a: "b", ...podAnnotations("container", "pod"), z: "y" } });
      const expected = { status: 0, signal: null, stdout: address, stderr: "" };
      expect(await shim.start("c1", { env })).to.deep.equal(expected);
      expect(shim.bundle("c1").address).to.equal(address);
      expect((await (await shim.client("c1")).state({ id: "c1", execId: "" }).catch(String)) as string).to.contain(
        "c1",
      );
    });

    const hands = (what: string, prepare: () => void) =>
      it(`leaves it to Node ${what}`, async () => {
        prepare();
        expect((await shim.start("c1", { env })).stderr).to.contain(handedOver);
        expect(shim.bundle("c1").address).to.equal(undefined);
      });

    const configure = (annotations: Record<string, string>) => shim.bundle("c1").configure({ annotations });

    hands("when the container is alone", () => configure({}));
    hands("when it is a sandbox", () => configure(podAnnotations("sandbox", "c1")));
    hands("when its sandbox is unknown", () => configure(podAnnotations("container", "other")));
    hands("when the sandbox's id is a path", () => configure(podAnnotations("container", "../test/pod")));
    hands("when there is a second annotation that names a sandbox", () =>
      configure({ ...podAnnotations("container", "pod"), "io.kubernetes.sandbox.id": "other" }),
    );
    hands("when another kind of annotation says what it is", () =>
      configure({ ...podAnnotations("container", "pod"), "io.kubernetes.cri-o.ContainerType": "sandbox" }),
    );
    hands("when the JSON is not written as Go writes it", () =>
      shim.bundle("c1").configure(JSON.stringify({ annotations: podAnnotations("container", "pod") }, undefined, 2)),
    );
    hands("when there is no config.json", () => shim.bundle("c1").configure("").path);

    it("leaves it to Node to replace an address that is there already", async () => {
      configure(podAnnotations("container", "pod"));
      writeFileSync(join(shim.bundle("c1").path, "address"), "unix:///x");
      expect((await shim.start("c1", { env })).stderr).to.contain(handedOver);
      expect((await shim.start("c1")).stdout).to.equal(address);
      expect(shim.bundle("c1").address).to.equal(address);
    });

    const hostile: readonly [string, Record<string, string>][] = [
      [
        "a value that looks like the members",
        { a: ',"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.sandbox-id":"pod"' },
      ],
      ["a value that ends in a backslash before them", { "a\\": '\\","io.kubernetes.cri.sandbox-id":"pod' }],
      [
        "names that end like the members'",
        {
          'x,"io.kubernetes.cri.container-type': "container",
          'x{"io.kubernetes.cri.sandbox-id': "pod",
        },
      ],
      [
        "line breaks",
        { 'a\n,"io.kubernetes.cri.container-type":"container"': "b", c: '\n{"io.kubernetes.cri.sandbox-id":"pod"' },
      ],
    ];
    for (const [what, annotations] of hostile) {
      it(`is not fooled by ${what}`, async () => {
        configure(annotations);
        expect((await shim.start("c1", { env })).stderr).to.contain(handedOver);
        // Nor does it keep the real members from being seen.
        configure({ ...annotations, ...podAnnotations("container", "pod") });
        expect((await shim.start("c1", { env })).stdout).to.equal(address);
        shim.bundle("c2").configure({ annotations: { ...annotations, ...podAnnotations("container", "elsewhere") } });
        expect((await shim.start("c2", { env })).stderr).to.contain(handedOver);
      });
    }

    it("leaves it to Node when the shim is dead, or its pid is another's now", async () => {
      configure(podAnnotations("container", "pod"));
      const { pid, startTime } = shim.shim("pod");
      const file = join(shim.roots.run, ".shim", shim.namespace, "pod", "daemon");
      const socket = shim.claim("pod")?.socket;
      for (const claim of [
        `${pid} ${Number(startTime) + 1} ${socket}`,
        `1x ${startTime} ${socket}`,
        `${pid} ${startTime} /etc/passwd`,
        `${pid} ${startTime} ${shim.roots.sockets}/../x`,
        `${pid} ${startTime} ${shim.roots.sockets}/abc`,
        "",
      ]) {
        writeFileSync(file, `${claim}\n`);
        expect((await shim.start("c1", { env })).stderr).to.contain(handedOver);
      }
      writeFileSync(file, `${pid} ${startTime} ${socket}\n`);
      expect((await shim.start("c1", { env })).stdout).to.equal(address);
      process.kill(pid, "SIGKILL");
      await shim.gone({ pid, startTime });
      shim.bundle("c2").configure({ annotations: podAnnotations("container", "pod") });
      expect((await shim.start("c2", { env })).stderr).to.contain(handedOver);
      expect((await shim.start("c2")).stderr).to.contain("no running shim");
    });
  });

  describe("delete, after a container was deleted", () => {
    const deleteWithoutNode = (id: string): Promise<Finished> => shim.delete(id, { env });

    it("gives the answer that the shim left, without Node", async () => {
      const client = await shim.run("c1", ["exit", "3"]);
      await client.wait({ id: "c1", execId: "" });
      const answer = await client.delete({ id: "c1", execId: "" });
      // The shim is there still, so something might be left.
      expect((await deleteWithoutNode("c1")).stderr).to.contain(handedOver);
      await client.shutdown({ id: "c1", now: false });
      const { path } = shim.bundle("c1");
      const args = [...shim.flags("c1"), "-bundle", path, "delete"];
      const output = await runProgram("sh", ["-c", '"$0" "$@" | od -An -tx1', shim.program, ...args], {
        env: { PATH: `${env["PATH"]}:/usr/bin` },
      });
      const bytes = Buffer.from(output.stdout.replaceAll(/\s/g, ""), "hex");
      expect(DeleteResponse.decode(bytes)).to.deep.equal(answer);
      expect(answer.exitStatus).to.equal(3);
      expect((await deleteWithoutNode("c1")).status).to.equal(0);
    });

    it("gives it for a container of a pod whose shim lives on", async () => {
      const sandbox = await shim.run("pod", ["sleep", "1000"], podAnnotations("sandbox", "pod"));
      const client = await shim.run("c1", ["exit", "4"], podAnnotations("container", "pod"));
      await client.wait({ id: "c1", execId: "" });
      await client.delete({ id: "c1", execId: "" });
      await client.shutdown({ id: "c1", now: false });
      expect((await deleteWithoutNode("c1")).status).to.equal(0);
      expect((await sandbox.state({ id: "pod", execId: "" })).status).to.equal(2);
    });

    it("leaves it to Node when something is left", async () => {
      writeFileSync(join(shim.bundle("c1").path, "deleted"), "x");
      expect((await deleteWithoutNode("c1")).status).to.equal(0);
      mkdirSync(join(shim.roots.run, shim.namespace, "c1"), { recursive: true });
      expect((await deleteWithoutNode("c1")).stderr).to.contain(handedOver);
      expect((await deleteWithoutNode("c2")).stderr).to.contain(handedOver);
    });
  });
});
