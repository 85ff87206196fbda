/** An endpoint for links of the kind "example": the machine's card is a tap that the network model joins with the link. */
import { closeSync } from "node:fs";
import type { Endpoint, EndpointRequest, Plugin, StandardSchema } from "kata-ts/plugin";

const config: StandardSchema<undefined> = {
  "~standard": { version: 1, vendor: "kata-ts-endpoint-example", validate: () => ({ value: undefined }) },
};

function createEndpoint({ link, model, index, vhost, queueSize, ...rest }: EndpointRequest): Endpoint {
  const join = { ...rest, podInterface: link.name, tap: `tap_${index}` };
  let tapFds: readonly number[] = [];
  return {
    name: `endpoint ${link.name}`,
    async prepare() {
      tapFds = await model.join(join);
      const { name: id, hardwareAddress, guest } = link;
      return { device: { kind: "net", id, hardwareAddress, tapFds, queueSize, vhost }, interface: guest };
    },
    async cleanup() {
      await model.part(join);
      for (const fd of tapFds) closeSync(fd);
      tapFds = [];
    },
  };
}

export const plugin: Plugin<"endpoint", typeof config> = {
  api: 1,
  kind: "endpoint",
  name: "example",
  config,
  create: () => ({ name: "example", match: ({ kind }) => (kind === "example" ? 100 : 0), create: createEndpoint }),
};
