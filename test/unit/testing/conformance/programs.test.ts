import { join } from "node:path";
import { plugin as virtContainer } from "../../../../src/plugins/handlers/virt-container/index.js";
import { plugin as task } from "../../../../src/plugins/services/task/index.js";
import { keepsPromises } from "../../../support/keeps-promises.js";

describe("runtime handlers keep what their kind promises", () => {
  keepsPromises(virtContainer, {});
});

describe("services keep what their kind promises", () => {
  keepsPromises(task, {
    input: ({ directory }) => ({ listen: { path: join(directory, "task.sock") }, namespace: "test" }),
  });
});
