/** The threads of this process, as the kernel knows them. What is said of "this thread" is of the one that calls. */
export interface Threads {
  /** Kernel id of this thread. */
  id(): number;

  /** Names this thread, as `ps` and `/proc/<pid>/task/<id>/comm` show it: 15 bytes at most, the rest is cut off. */
  name(text: string): void;

  /** Holds a signal back from this thread: one that comes stays pending, and does nothing to the process. */
  hold(signal: number): void;

  /** Takes a signal away that was held back from this thread; whether there was one. */
  take(signal: number): boolean;

  /** Sends a signal to a thread of this process; whether there is such a thread. */
  signal(thread: number, signal: number): boolean;
}
