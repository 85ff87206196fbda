import { mkdtempSync, rmSync, statSync } from "node:fs";
import { get, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { deleteTask, killTask, type Service, waitTask } from "kata-ts";
import { describeConformance, FakeWorld } from "kata-ts/testing";
import { plugin } from "../../../examples/http-service/index.js";
import { plugin as virtContainer } from "../../../src/plugins/handlers/virt-container/index.js";

interface Reply {
  readonly status: number | undefined;
  readonly body: unknown;
}

describe("the example of a service", () => {
  describeConformance({ describe, it }, plugin, {
    input: (place) => ({ socket: join(place.directory, "http.sock") }),
  });

  let directory: string;
  let world: FakeWorld;
  let service: Service;
  let socketPath: string;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-http-"));
    socketPath = join(directory, "http.sock");
    world = new FakeWorld({ directory, plugins: [virtContainer, plugin] });
    service = await world.runtime.createService("http", { socket: socketPath });
    await service.start();
  });

  afterEach(async () => {
    await world.runtime.close();
    rmSync(directory, { recursive: true });
  });

  const ask = (path: string, method = "GET"): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const sent = request({ socketPath, path, method, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (more: string) => (text += more));
        response.on("end", () => resolve({ status: response.statusCode, body: JSON.parse(text) as unknown }));
      });
      sent.on("error", reject).end();
    });

  it("is for its owner alone", () => {
    expect(statSync(socketPath).mode & 0o777).to.equal(0o600);
  });

  it("lists the containers there are", async () => {
    expect(await ask("/containers")).to.deep.equal({ status: 200, body: [] });
    await world.run("a");
    await world.run("b");
    expect(await ask("/containers")).to.deep.equal({ status: 200, body: ["a", "b"] });
    const id = { containerId: "a", execId: "" };
    await world.runtime.request(killTask({ ...id, signal: 9, all: false }));
    await world.runtime.request(waitTask(id));
    await world.runtime.request(deleteTask(id));
    expect(await ask("/containers")).to.deep.equal({ status: 200, body: ["b"] });
  });

  it("shows the state of one, and what it uses, every number of it", async () => {
    await world.run("a");
    const { status, body } = await ask("/containers/a");
    expect(status).to.equal(200);
    expect(body).to.include({ status: "running", bundle: "/bundle" });
    const stats = await ask("/containers/a/stats");
    expect(stats.status).to.equal(200);
    expect(stats.body).to.deep.include({ cpu: { usage: "1", user: "1", system: "0" }, pids: { current: "1" } });
  });

  it("says what is wrong with what it is asked", async () => {
    const unknown = await ask("/containers/none");
    expect(unknown.status).to.equal(404);
    expect(unknown.body).to.include({ code: "KATA_CONTAINER_UNKNOWN" });
    expect(await ask("/else")).to.have.property("status", 404);
    expect(await ask("/containers/a/b/c")).to.have.property("status", 404);
    expect(await ask("/containers/%")).to.have.property("status", 400);
    expect(await ask("/containers", "DELETE")).to.have.property("status", 405);
  });

  it("answers what was asked before it is closed, and is gone then", async () => {
    await world.run("a");
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    let goOn: () => void = () => undefined;
    world.agent.stats = async () => {
      isAsked();
      await new Promise<void>((resolve) => (goOn = resolve));
      throw Object.assign(new Error("the guest is slow"), { code: "SLOW", status: "UNAVAILABLE" });
    };
    const reply = ask("/containers/a/stats");
    await asked;
    const closed = service.close();
    goOn();
    expect(await reply).to.deep.equal({ status: 503, body: { code: "SLOW", message: "the guest is slow" } });
    await closed;
    const error = await new Promise((resolve) => get({ socketPath }).on("error", resolve));
    expect(error).to.have.property("code", "ENOENT");
  });
});
