/** A network model that makes a tap, and leaves it to others to move frames between that and the pod's link. */
import { closeSync } from "node:fs";
import type { NetworkModel, Plugin, StandardSchema } from "kata-ts/plugin";

const config: StandardSchema<undefined> = {
  "~standard": { version: 1, vendor: "kata-ts-network-model-example", validate: () => ({ value: undefined }) },
};

export const plugin: Plugin<"network-model", typeof config> = {
  api: 1,
  kind: "network-model",
  name: "example",
  config,
  create: ({ sys }): NetworkModel => ({
    name: "example",
    attaches: true,
    async join({ namespace, podInterface, tap, queuePairs }) {
      const fds = sys.taps.open({ name: tap, namespace, queuePairs, exclusive: true });
      try {
        const route = sys.netlink.route(namespace);
        try {
          const link = route.link(podInterface);
          const made = route.link(tap);
          if (link === undefined || made === undefined) {
            const message = `there is no link ${podInterface} in ${namespace}`;
            throw Object.assign(new Error(message), { code: "EXAMPLE_LINK", status: "NOT_FOUND" });
          }
          route.changeLink(made.index, { mtu: link.mtu, up: true });
        } finally {
          route.close();
        }
        return fds;
      } catch (error) {
        for (const fd of fds) closeSync(fd);
        throw error;
      }
    },
    // The tap goes with its descriptors, and nothing else was made.
    part: async () => undefined,
  }),
};
