import { describe, it } from "node:test";
import { describeConformance, linkInfo } from "kata-ts/testing";
import { plugin } from "./index.js";

describeConformance({ describe, it }, plugin, { takes: [linkInfo({ kind: "example" })], leaves: [linkInfo()] });
