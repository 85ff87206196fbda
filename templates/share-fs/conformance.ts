import { describe, it } from "node:test";
import { describeConformance } from "kata-ts/testing";
import { plugin } from "./index.js";

describeConformance({ describe, it }, plugin, {});
