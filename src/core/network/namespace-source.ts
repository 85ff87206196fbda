import type { LinkWatch } from "../sys/netlink.js";
import type { Sys } from "../sys/sys.js";
import { PodNamespace } from "./pod-namespace.js";
import type { PodNetworkSource, PodNetworkState, SourceEvents } from "./pod-network-source.js";
import { scanPod } from "./scan.js";

/** The links of a network namespace, as whoever made the pod has set them up, and as they change. */
export class NamespaceSource implements PodNetworkSource {
  readonly name: string;
  readonly namespace: string;
  readonly #sys: Pick<Sys, "namespaces" | "netlink">;
  #held: PodNamespace | undefined;

  constructor(sys: Pick<Sys, "namespaces" | "netlink">, namespace: string) {
    this.name = namespace;
    this.namespace = namespace;
    this.#sys = sys;
  }

  open(): void {
    this.#held = PodNamespace.open(this.#sys.namespaces, this.namespace);
  }

  read(): PodNetworkState {
    const route = this.#sys.netlink.route(this.#held?.fd ?? this.namespace);
    try {
      return scanPod(route, this.namespace);
    } finally {
      route.close();
    }
  }

  watch(events: SourceEvents): LinkWatch {
    return this.#sys.netlink.watch(this.#held?.fd ?? this.namespace, events);
  }

  close(): void {
    this.#held?.close();
    this.#held = undefined;
  }
}
