import type { Roots } from "../../core/plugin/context.js";
import type { Plugin } from "../../core/plugin/plugin.js";
import type { FakeSys } from "../fake-sys.js";
import type { Stage } from "./stage.js";

/** One promise of a contract, tried with one plugin. */
export interface Check {
  /** A sentence of which the plugin is the subject, and by which `skips` names it: "ends at once when it is told to". */
  readonly name: string;
  /** Why it is not tried with this plugin, or on this host; absent when it is. */
  readonly skipped?: string;
  /**
   * Tries it: with an instance of its own, in a sandbox and below directories of its own. Rejects with `KATA_CONFORMANCE`
   * when the promise is not kept, or when anything is left afterwards.
   */
  readonly run: () => Promise<void>;
}

/** Where a trial has what it needs: a directory of its own, and the kernel that the plugin gets. */
export interface Place {
  readonly directory: string;
  readonly sys: FakeSys;
}

/** What is told of any plugin that is tried. */
export interface Subject {
  /** What configuration has in the plugin's own table, of a runtime handler in `[runtime]`: lines of TOML. */
  readonly toml?: string;
  /** What it has in `[runtime]`, whatever the plugin's kind: lines of TOML. */
  readonly runtime?: string;
  /** Parts of the kernel that the plugin gets as they are; of all others it gets pretended ones (`fakeSys`). */
  readonly sys?: "real" | "fake";
  /** Directories of the host instead of the trial's own, and of those that are the host's anyhow when the kernel is real. */
  readonly roots?: Partial<Roots>;
  /** Makes what must be there before each trial: files below the directory, links of the pretended network. */
  readonly arrange?: (place: Place) => void | Promise<void>;
  /** What the program makes an instance with, instead of configuration: for services. */
  readonly input?: (place: Place) => unknown;
  /** Plugins that it asks for by name. */
  readonly plugins?: readonly Plugin[];
  /** Milliseconds that one check may take; 10,000 unless told. */
  readonly ms?: number;
  /** Checks that are not tried, by their names, and why. A name that no check has is an error. */
  readonly skips?: Readonly<Record<string, string>>;
}

/** How one promise of a kind is tried. */
export interface Trial<S extends Subject, I> {
  readonly name: string;
  /** Why it cannot be tried with a subject, in words. */
  readonly without?: (subject: S) => string | undefined;
  readonly run: (stage: Stage<S, I>) => Promise<void>;
}
