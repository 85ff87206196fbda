import type { NetworkModel } from "../../../../core/contracts/network-model.js";

/** Joins nothing: it says so by `attaches`, so that nobody looks into the namespace. */
export class NoNetwork implements NetworkModel {
  readonly name = "none";
  readonly attaches = false;

  join(): Promise<readonly number[]> {
    return Promise.resolve([]);
  }

  part(): Promise<void> {
    return Promise.resolve();
  }
}
