// The program of the thread that serves a machine's devices: all of their queues and all accesses of its vCPUs.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { withDeadline } from "../../core/deadline.js";
import { describeError } from "../../core/errors/error.js";
import { createLinuxSys } from "../../core/sys/linux/index.js";
import type { Sys } from "../../core/sys/sys.js";
import { Bus } from "../bus/bus.js";
import type { BusDevice } from "../bus/bus-device.js";
import { KeyboardReset, type PowerRequest, PowerRegister } from "../legacy/power.js";
import { SerialPort } from "../legacy/serial-port.js";
import { KvmWires } from "../kvm/kvm-wires.js";
import { ReadOnlyPage } from "../kvm/read-only-page.js";
import { firstPageSlot, lines, portDevices, ports, portValues } from "../machine/layout.js";
import { openMemory } from "../memory/guest-ram.js";
import type { MemoryRegion } from "../memory/guest-memory.js";
import { BusServer } from "./bus-call.js";
import { ConsoleBatch } from "./console-batch.js";
import type { PluggedDevice } from "./device-spec.js";
import { InterruptStatus } from "./interrupt-status.js";
import { type DevicesToSave, matchDevices, readDevices, type SavedDevices } from "./saved-devices.js";
import { type PlainError, plainError } from "./thread-error.js";
import { closeSpec } from "./spec-descriptors.js";
import { type ThreadLogLine, threadLogger } from "./thread-logger.js";
import { VirtioSet } from "./virtio-set.js";

/** What the thread is given. Descriptors stay the machine's. */
export interface DeviceThreadData {
  readonly memory: readonly MemoryRegion[];
  /** Memory of the vCPUs for their accesses, and the eventfd that says that there is one. */
  readonly calls: readonly SharedArrayBuffer[];
  readonly wake: number;
  readonly interrupts: SharedArrayBuffer;
  /** KVM's machine. */
  readonly machine: number;
  readonly devices: readonly PluggedDevice[];
  /** Of the machine that this one goes on from. */
  readonly saved?: SavedDevices;
}

/** What it tells the machine. */
export type DeviceNews =
  | { readonly kind: "ready" }
  /** What nobody has caught: devices are served no more, and the thread ends. */
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "console"; readonly bytes: Uint8Array }
  | { readonly kind: "power"; readonly request: PowerRequest }
  /** Bytes of memory that the guest has plugged in now. */
  | { readonly kind: "memory"; readonly plugged: number }
  /** The answer to `freeze`: what there is to save, or why there is nothing. */
  | { readonly kind: "frozen"; readonly devices: DevicesToSave }
  | { readonly kind: "not frozen"; readonly error: PlainError }
  /** An order was done; with an error it was not, and nothing has changed. */
  | { readonly kind: "answer"; readonly order: number; readonly error?: PlainError }
  | ThreadLogLine;

/** An order that is answered: they are done one after the other. */
export type AnsweredOrder =
  | { readonly kind: "plug"; readonly order: number; readonly device: PluggedDevice }
  | { readonly kind: "unplug"; readonly order: number; readonly id: string };

/** What it is told. */
export type DeviceOrder =
  | { readonly kind: "input"; readonly bytes: Uint8Array }
  /** Bytes of memory that the guest is to plug in. */
  | { readonly kind: "memory"; readonly bytes: number }
  | { readonly kind: "freeze" | "thaw" | "close" }
  | AnsweredOrder;

/** Milliseconds in which devices end that have failed. */
const failMs = 20_000;

const port = parentPort;
if (port === null) throw new Error("this is the program of a thread");

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
const tell = (news: DeviceNews): void => port.postMessage(news);

/** The devices of a machine. */
interface Served {
  readonly virtio: VirtioSet;
  input(bytes: Uint8Array): void;
  freeze(): Promise<DevicesToSave>;
  thaw(): void;
  /** Idempotent. */
  close(): Promise<void>;
}

async function serve(sys: Sys, data: DeviceThreadData): Promise<Served> {
  sys.threads.name("kata-devices");
  const buses = { ports: new Bus(), memory: new Bus() };
  const console = new ConsoleBatch((bytes) => tell({ kind: "console", bytes }));
  const ask = (request: PowerRequest) => {
    // Its last words come before its end.
    console.flush();
    tell({ kind: "power", request });
  };
  const wires = new KvmWires(sys.devices, data.machine);
  const raise = () => wires.pulseLine(lines.console);
  const serial = new SerialPort({ send: (byte) => console.add(byte), raise });
  const atPorts: Record<keyof typeof ports, BusDevice> = {
    console: serial,
    keyboard: new KeyboardReset(ask),
    reset: new PowerRegister(new Map([[portValues.reset, "reset"]]), ask),
    power: new PowerRegister(new Map([[portValues.powerOff, "power off"]]), ask),
  };
  for (const name of portDevices) buses.ports.add(ports[name].first, ports[name].count, atPorts[name]);
  const memory = openMemory(sys.devices, data.memory);
  const log = threadLogger(tell);
  const interrupts = new InterruptStatus(data.interrupts);
  const memoryPlugged = (plugged: number) => tell({ kind: "memory", plugged });
  const page = (slot: number, address: number) =>
    new ReadOnlyPage(sys.devices, { machine: data.machine, slot: firstPageSlot + slot, address });
  const virtio = new VirtioSet({ sys, log, memory, memoryPlugged, bus: buses.memory, wires, interrupts, page });
  const waiting = [...data.devices];
  try {
    await makeAll(virtio, serial, waiting, data.saved);
  } catch (error) {
    // Descriptors are the process's, and outlive a thread.
    for (const { spec } of waiting) closeSpec(sys, spec);
    await virtio.close();
    throw error;
  }
  const server = new BusServer(data.calls, buses, (error) => log.error("a device failed at an access", { error }));
  const watch = sys.descriptors.watch(data.wake, { readable: true }, () => {
    // A processor waits for its answer; what comes before the eventfd is read has not woken this thread again.
    server.serve();
    sys.descriptors.readEventfd(data.wake);
    server.serve();
  });
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    watch.close();
    console.flush();
    await virtio.close();
  };
  return {
    virtio,
    input: (bytes) => void serial.receive(bytes),
    async freeze() {
      await virtio.freeze();
      console.flush();
      return { serial: serial.save(), virtio: virtio.save() };
    },
    thaw: () => virtio.thaw(),
    close: () => (closed ??= close()),
  };
}

/**
 * Makes the devices, and takes each that is made from those that are waiting. They go on where those have stopped that were
 * saved, when they were: the guest's memory and interrupts are there already.
 */
async function makeAll(
  virtio: VirtioSet,
  serial: SerialPort,
  waiting: PluggedDevice[],
  saved: SavedDevices | undefined,
): Promise<void> {
  const from = saved === undefined ? undefined : readDevices(saved);
  const restored = from === undefined ? [] : matchDevices(from, waiting);
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const device = next;
    await virtio.add(device, restored.find((one) => one.device === device)?.saved);
  }
  if (from !== undefined) serial.restore(from.field("serial"));
}

async function freeze(served: Served): Promise<void> {
  try {
    tell({ kind: "frozen", devices: await served.freeze() });
  } catch (error) {
    tell({ kind: "not frozen", error: plainError(error) });
  }
}

/** Does an order, and answers it. */
async function obey(virtio: VirtioSet, order: AnsweredOrder): Promise<void> {
  try {
    await (order.kind === "plug" ? virtio.add(order.device) : virtio.remove(order.id));
    tell({ kind: "answer", order: order.order });
  } catch (error) {
    tell({ kind: "answer", order: order.order, error: plainError(error) });
  }
}

/** Ends the devices in order for what nobody has caught, and the thread with them. */
async function fail(sys: Sys, served: Served, error: unknown): Promise<void> {
  tell({ kind: "failed", why: describeError(error) });
  try {
    await withDeadline({ ms: failMs, what: "the devices to end" }, () => served.close());
  } finally {
    sys.descriptors.unwatchAll();
    // oxlint-disable-next-line unicorn/no-process-exit -- it is the thread that ends
    process.exit(1);
  }
}

/** Serves until it is told to close. What goes wrong before the devices are there ends the thread, with the reason. */
async function main(from: MessagePort): Promise<void> {
  const sys = createLinuxSys();
  const served = await serve(sys, workerData as DeviceThreadData).catch((error: unknown) => {
    sys.descriptors.unwatchAll();
    throw error;
  });
  process.once("uncaughtException", (error) => void fail(sys, served, error));
  let done = Promise.resolve();
  from.on("message", (order: DeviceOrder) => {
    switch (order.kind) {
      case "input":
        return served.input(order.bytes);
      case "freeze":
        // After what is being plugged.
        return void done.then(() => freeze(served));
      case "memory":
        return served.virtio.requestMemory(order.bytes);
      case "thaw":
        return served.thaw();
      case "close":
        done = done.then(() => served.close()).then(() => from.close());
        return;
      default:
        done = done.then(() => obey(served.virtio, order));
    }
  });
  tell({ kind: "ready" });
}

void main(port);
