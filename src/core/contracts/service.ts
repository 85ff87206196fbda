/**
 * A wire protocol through which the runtime is driven. It translates to and from messages of the dispatcher and knows no
 * hypervisor. One instance a process; made with where to listen as its configuration.
 */
export interface Service {
  readonly name: string;
  /** Begins to answer. */
  start(): Promise<void>;
  /** Takes no more requests, finishes those that run. */
  close(): Promise<void>;
  /** Drops everything now; pending requests fail with `reason`. */
  destroy(reason: unknown): Promise<void>;
  /** Settles when a peer asked the process to end (containerd's Shutdown), after it was answered. */
  readonly finished: Promise<void>;
}
