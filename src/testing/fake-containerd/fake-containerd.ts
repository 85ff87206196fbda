import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withDeadline } from "../../core/deadline.js";
import type { ContainerdMount } from "../../core/contracts/rootfs.js";
import { KataError } from "../../core/errors/error.js";
import { defaultSpec } from "../../core/oci/default-spec.js";
import type { OciSpec } from "../../core/oci/spec.js";
import { EventsDefinition } from "../../core/proto/gen/containerd/events-service.js";
import { Options } from "../../core/proto/gen/containerd/runtime-options.js";
import { Any } from "../../core/proto/gen/google/protobuf/any.js";
import { Empty } from "../../core/proto/gen/google/protobuf/empty.js";
import { ClientConnection } from "../../core/rpc/client-connection.js";
import { connect } from "../../core/rpc/connect.js";
import { Server } from "../../core/rpc/server.js";
import { FakeBundle } from "./fake-bundle.js";
import { type ContainerdEvent, EventLog } from "./event-log.js";
import type { FakeShim, ShimCall } from "./fake-shim.js";
import { FakeTask, type FakeTaskIo, type ShimPeer, shimPeer, wireIo } from "./fake-task.js";

/** What a fake containerd is made with. */
export interface FakeContainerdOptions {
  /** Where its bundles and its socket are; the caller's. A short path: that of a socket has 107 bytes. */
  readonly directory: string;
  /** `default` when absent. */
  readonly namespace?: string;
}

/** What a container is created with. */
export interface FakeCreate {
  readonly id: string;
  readonly shim: FakeShim;
  /** Changes the spec, which is one of a container that sleeps. */
  readonly spec?: (usual: OciSpec) => OciSpec;
  readonly annotations?: Readonly<Record<string, string>>;
  /** What a snapshotter wants mounted; nothing when absent. */
  readonly rootfs?: readonly ContainerdMount[];
  readonly io?: FakeTaskIo;
  /** What the shim's options name: a `configuration.toml`. */
  readonly configPath?: string;
}

/** A container that is there. */
interface Known {
  readonly peer: ShimPeer;
  readonly shim: FakeShim;
  readonly bundle: FakeBundle;
  /** Settles when the end of its connection has been dealt with. */
  readonly gone: Promise<void>;
}

/** Milliseconds that containerd gives a shim to take its connection, and to answer Shutdown. */
const connectMs = 5_000;
const shutdownMs = 3_000;

/** Exit status that containerd tells of a container whose shim is gone. */
const killed = 137;

/**
 * containerd as a shim meets it, for tests without one and without root: makes bundles, has shims started, drives them over
 * ttrpc and a Unix socket in the order that containerd has (runtime v2, `containerd.task.v2.Task`), and takes their events.
 *
 * ```ts
 * const containerd = await FakeContainerd.open({ directory });
 * const listen = { path: join(directory, "shim") };
 * const service = await runtime.createService("task", { listen, namespace: "default", publisher: { address: containerd.eventsAddress } });
 * await service.start();
 * const task = await containerd.create({ id: "web", shim: { start: async () => listen.path } });
 * await task.start();
 * await task.kill(15);
 * await task.wait();
 * await task.delete();
 * await containerd.told("/tasks/delete", "web");
 * ```
 */
export class FakeContainerd {
  readonly namespace: string;
  /** Where it takes events: the `TTRPC_ADDRESS` of shims. */
  readonly eventsAddress: string;
  /** What publishes events for shims that do not speak ttrpc with it. */
  readonly publishBinary: string;
  readonly #directory: string;
  readonly #server = new Server();
  readonly #log = new EventLog(() => this.#collect());
  readonly #peers = new Map<string, Known>();

  private constructor({ directory, namespace = "default" }: FakeContainerdOptions) {
    this.namespace = namespace;
    this.#directory = directory;
    this.eventsAddress = join(directory, "containerd.ttrpc");
    this.publishBinary = join(directory, "publish");
    this.#server.addService(EventsDefinition, {
      forward: async ({ envelope }) => {
        const { topic = "", namespace: of = "", event } = envelope ?? {};
        const { typeUrl = "", value = new Uint8Array() } = event ?? {};
        this.#log.take({ topic, namespace: of, typeUrl, value });
        return Empty.fromPartial({});
      },
    });
  }

  /** Makes one, which listens. */
  static async open(options: FakeContainerdOptions): Promise<FakeContainerd> {
    const one = new FakeContainerd(options);
    for (const name of ["bundles", "published"]) mkdirSync(join(options.directory, name), { recursive: true });
    writeFileSync(one.publishBinary, publishScript(join(options.directory, "published")));
    chmodSync(one.publishBinary, 0o700);
    await one.#server.listen({ path: one.eventsAddress });
    return one;
  }

  /** What it was told so far, oldest first. */
  get events(): readonly ContainerdEvent[] {
    this.#collect();
    return this.#log.events;
  }

  /** Topics of one container, without `/tasks/`: `create`, `start`. */
  topics(id: string): string[] {
    return this.events
      .filter(({ containerId }) => containerId === id)
      .map(({ topic }) => topic.slice("/tasks/".length));
  }

  /** The first event of a topic and a container, waited for; `KATA_DEADLINE` after `ms`, 5000 unless told. */
  told(topic: string, id: string, ms = 5_000): Promise<ContainerdEvent> {
    return this.#log.told(topic, id, ms);
  }

  /** What the shim of a container has logged so far, by the fifo `log` of its bundle; empty for one that is not there. */
  log(id: string): string {
    return this.#peers.get(id)?.bundle.log ?? "";
  }

  /**
   * Creates a container: makes its bundle, has its shim started, connects, and sends Create. When that fails the shim is asked
   * to delete and to shut down as containerd asks it, and the error is the shim's.
   */
  async create(request: FakeCreate): Promise<FakeTask> {
    const { id, shim, rootfs = [], io = {}, configPath } = request;
    const bundle = this.#makeBundle(request);
    const call = this.#callOf(id, bundle.path);
    let peer: ShimPeer;
    try {
      peer = await this.#connect(await shim.start(call), id);
    } catch (error) {
      // What could not be started has cleaned up after itself: nobody asks it to.
      bundle.remove();
      throw error;
    }
    const gone = this.#watch(peer, shim, call);
    this.#peers.set(id, { peer, shim, bundle, gone });
    try {
      const { pid } = await peer.client.create({
        id,
        bundle: bundle.path,
        rootfs: rootfs.map(({ options: list, ...mount }) => ({ ...mount, options: [...list] })),
        ...wireIo(io),
        checkpoint: "",
        parentCheckpoint: "",
        options: configPath === undefined ? undefined : optionsOf(configPath),
      });
      await peer.client.connect({ id });
      return new FakeTask(peer, { deleted: (task) => this.#end(task.id) }, { id, bundle: bundle.path, pid });
    } catch (error) {
      await peer.client.delete({ id, execId: "" }).catch(tolerate("NOT_FOUND"));
      await this.#end(id);
      throw error;
    }
  }

  /** Ends it, with its connections; shims are whoever's who started them. */
  async close(): Promise<void> {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    for (const { peer } of peers) peer.connection.destroy(new Error("containerd ends"));
    this.#server.destroy(new Error("containerd ends"));
    await Promise.all(peers.map(({ gone }) => gone));
    for (const { bundle } of peers) bundle.remove();
    for (const name of ["bundles", "published", "publish", "containerd.ttrpc"]) {
      rmSync(join(this.#directory, name), { recursive: true, force: true });
    }
  }

  #makeBundle({ id, spec, annotations = {} }: FakeCreate): FakeBundle {
    const usual = defaultSpec({ rootPath: "rootfs", args: ["sleep", "1000"], annotations: { ...annotations } });
    return new FakeBundle(join(this.#directory, "bundles", id), spec?.(usual) ?? usual);
  }

  #callOf(id: string, bundle: string): ShimCall {
    const { namespace, eventsAddress, publishBinary } = this;
    return { namespace, id, bundle, eventsAddress, publishBinary };
  }

  /** One try: whoever gives an address listens there already. */
  async #connect(address: string, id: string): Promise<ShimPeer> {
    const path = address.replace(/^unix:\/\//, "");
    const socket = await connect({ path, peer: `the shim of ${id}`, deadlineMs: connectMs });
    return shimPeer(new ClientConnection(socket, { peer: `the shim of ${id}` }), this.namespace);
  }

  /** A shim that ends while it has a container is cleaned up after, and what it can tell no more is told in its place. */
  async #watch({ connection }: ShimPeer, shim: FakeShim, call: ShimCall): Promise<void> {
    await connection.ended;
    const { id, namespace } = call;
    const known = this.#peers.get(id);
    if (known?.peer.connection !== connection) return;
    this.#peers.delete(id);
    await shim.delete?.(call);
    known.bundle.remove();
    this.#log.add({ topic: "/tasks/exit", namespace, containerId: id, id, exitStatus: killed });
    this.#log.add({ topic: "/tasks/delete", namespace, containerId: id, exitStatus: killed });
  }

  /** Ends what is left of a container that the shim has deleted, or never had. */
  async #end(id: string): Promise<void> {
    const known = this.#peers.get(id);
    this.#peers.delete(id);
    if (known === undefined) return;
    const { peer, shim, bundle, gone } = known;
    // One that does not answer is left alone, as containerd leaves it.
    const what = `the shim of ${id} to answer Shutdown`;
    const shutdown = withDeadline({ ms: shutdownMs, what }, () => peer.client.shutdown({ id, now: false }));
    await shutdown.catch(tolerate("DEADLINE_EXCEEDED", "UNAVAILABLE"));
    peer.connection.destroy(new Error("the task is deleted"));
    await gone;
    await shim.delete?.(this.#callOf(id, bundle.path));
    bundle.remove();
  }

  /** Takes what was published by the program. */
  #collect(): void {
    const directory = join(this.#directory, "published");
    // It is gone after the end.
    if (!existsSync(directory)) return;
    for (const name of readdirSync(directory)
      .filter((one) => one.endsWith(".event"))
      .toSorted()) {
      const [, namespace = "", topic = ""] = /^\d+@([^@]*)@(.*)\.event$/.exec(name) ?? [];
      const { typeUrl, value } = Any.decode(readFileSync(join(directory, name)));
      rmSync(join(directory, name));
      this.#log.take({ topic: topic.replaceAll("+", "/"), namespace, typeUrl, value });
    }
  }
}

/** Takes a refusal of one of these statuses for an answer. */
const tolerate =
  (...statuses: readonly string[]) =>
  (error: unknown): void => {
    if (!(error instanceof KataError && statuses.includes(error.status))) throw error;
  };

/** The options that containerd passes on from its own configuration, under the name that its typeurl gives them. */
const optionsOf = (configPath: string): Any => {
  const value = Options.encode(Options.fromPartial({ configPath })).finish();
  return { typeUrl: "runtimeoptions.v1.Options", value };
};

/** `containerd publish`: puts the event of its input, an encoded `Any`, where it is looked for. */
const publishScript = (directory: string): string => `#!/bin/sh
set -eu
topic= namespace=
while [ $# -gt 0 ]; do
  case "$1" in
    --topic | -topic) topic=$2; shift ;;
    --namespace | -namespace) namespace=$2; shift ;;
  esac
  shift
done
cd '${directory}'
name=$(date +%s%N)@$namespace@$(printf %s "$topic" | tr / +)
cat > "$name.new"
mv "$name.new" "$name.event"
`;
