import type { NetworkModel } from "../../../../core/contracts/network-model.js";

/** Joins nothing: it says so by `attaches`, so that nobody looks into the namespace or makes a tap. */
export class NoNetwork implements NetworkModel {
  readonly name = "none";
  readonly attaches = false;

  add(): Promise<void> {
    return Promise.resolve();
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }
}
