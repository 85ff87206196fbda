import { defineErrors } from "../../../src/core/errors/error.js";
import type { DeviceContext } from "../../../src/vmm/virtio/device.js";
import type { Chain, Virtqueue } from "../../../src/vmm/virtio/virtqueue.js";

const errors = defineErrors({
  KATA_TEST_QUEUE: {
    status: "INTERNAL",
    message: (p: { problem: string }) => `the device misuses its queue: ${p.problem}`,
  },
});

/** A buffer that the device has given back. */
export interface Used {
  readonly chain: Chain;
  readonly written: number;
}

/** A queue without rings: the driver's side adds buffers and takes back what the device pushed. */
export class TestQueue implements Virtqueue {
  readonly index: number;
  readonly size = 256;
  readonly used: Used[] = [];
  readonly #available: Chain[] = [];
  readonly #popped = new Set<Chain>();
  readonly #unseen: Used[] = [];
  /** Those popped and not given back, in order. */
  #order: Chain[] = [];
  #heads = 0;

  constructor(index: number) {
    this.index = index;
  }

  /** Makes a buffer available. */
  add(readable: readonly Uint8Array[], writable: readonly Uint8Array[] = []): void {
    this.#available.push({ head: this.#heads++ % this.size, readable, writable });
  }

  /** Buffers that the device has not popped. */
  get waiting(): number {
    return this.#available.length;
  }

  /** Buffers popped and not given back. */
  get held(): number {
    return this.#popped.size;
  }

  pop(): Chain | undefined {
    const chain = this.#available.shift();
    if (chain === undefined) return undefined;
    this.#popped.add(chain);
    this.#order.push(chain);
    return chain;
  }

  unpop(): void {
    const last = this.#order.pop();
    if (last === undefined || !this.#popped.delete(last)) {
      throw errors.KATA_TEST_QUEUE({ problem: "unpop without pop" });
    }
    this.#available.unshift(last);
  }

  push(chain: Chain, written: number, more = false): void {
    if (!this.#popped.delete(chain)) throw errors.KATA_TEST_QUEUE({ problem: "a buffer that it does not have" });
    this.#order = this.#order.filter((one) => one !== chain);
    const room = chain.writable.reduce((sum, piece) => sum + piece.length, 0);
    if (written > room) throw errors.KATA_TEST_QUEUE({ problem: `${written} of ${room} bytes written` });
    this.#unseen.push({ chain, written });
    if (!more) this.used.push(...this.#unseen.splice(0));
  }

  takeInterrupt(): boolean {
    return true;
  }
}

/** What a device did to its transport. */
export interface TestContext extends DeviceContext {
  readonly queues: readonly TestQueue[];
  readonly failures: unknown[];
  readonly interrupts: number[];
  configurationChanges: number;
  /** Called at each interrupt. */
  onInterrupt: (queue: number) => void;
}

/** A transport with queues and no memory of its own: views come from the test. */
export function testContext(queueCount: number, features = 0n): TestContext {
  const context: TestContext = {
    memory: new Proxy({} as DeviceContext["memory"], {
      get: () => {
        throw errors.KATA_TEST_QUEUE({ problem: "memory is not touched but through buffers" });
      },
    }),
    queues: Array.from({ length: queueCount }, (_, index) => new TestQueue(index)),
    features,
    failures: [],
    interrupts: [],
    configurationChanges: 0,
    onInterrupt: () => undefined,
    interrupt: (queue) => {
      context.interrupts.push(queue.index);
      context.onInterrupt(queue.index);
    },
    configurationChanged: () => {
      context.configurationChanges++;
    },
    fail: (error) => {
      context.failures.push(error);
    },
  };
  return context;
}
