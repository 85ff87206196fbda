/**
 * Something a sandbox or a container needs, with one life cycle for all kinds:
 *
 *     prepare → attach → (update)* → detach → cleanup
 *
 * - `prepare` makes what the host must have (processes, mounts, links) and says what the guest will need. For a sandbox
 *   resource the VM does not run yet; for a container resource it does.
 * - `attach` runs when the agent answers: whatever needs the guest's help.
 * - `detach` undoes `attach`, `cleanup` undoes `prepare`. Both may be called after any step failed, once or again, and in
 *   that order; what was never made is not an error. `cleanup` must not need the guest.
 *
 * Resources are prepared (and adopted) in the order of `requires`, and undone in reverse. Whoever prepares owns the undoing.
 */
export interface Resource<Contribution> {
  /** Unique within its sandbox or container, and what `requires` of others names. */
  readonly name: string;
  /** Names of the resources that must be prepared before this one. */
  readonly requires?: readonly string[];
  prepare(signal: AbortSignal): Promise<Contribution>;
  attach?(signal: AbortSignal): Promise<void>;
  detach?(): Promise<void>;
  cleanup(): Promise<void>;
  /** What `adopt` needs to know, as plain data that JSON has. May be asked at any time after `prepare`. */
  state?(): unknown;
  /**
   * Instead of `prepare` and `attach`: takes over what an instance in a process that was killed has made. `state` is what
   * that one said; it was on disk, and is checked. Disks are added again, which plugs none while a machine is adopted. A
   * sandbox with a resource that has no `adopt` cannot be recovered.
   */
  adopt?(state: unknown): Promise<void>;
}
