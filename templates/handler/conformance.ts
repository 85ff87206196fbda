import { describe, it } from "node:test";
import { builtins } from "kata-ts";
import { describeConformance } from "kata-ts/testing";
import { plugin } from "./index.js";

const handlers = builtins.filter(({ plugin: { kind } }) => kind === "handler").map((one) => one.plugin);

describeConformance({ describe, it }, plugin, { plugins: handlers });
