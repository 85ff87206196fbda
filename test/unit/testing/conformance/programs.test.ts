import { join } from "node:path";
import { plugin as virtContainer } from "../../../../src/plugins/handlers/virt-container/index.js";
import { plugin as task } from "../../../../src/plugins/services/task/index.js";
import { describeConformance } from "../../../../src/testing/index.js";

const runner = { describe, it };

describe("runtime handlers keep what their kind promises", () => {
  describeConformance(runner, virtContainer, {});
});

describe("services keep what their kind promises", () => {
  describeConformance(runner, task, {
    input: ({ directory }) => ({ listen: { path: join(directory, "task.sock") }, namespace: "test" }),
  });
});
