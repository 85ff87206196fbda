import { join } from "node:path";
import type { Place } from "./check.js";

/** Path of the network namespace that a trial's pod has, in the pretended network. */
export const podNamespace = ({ directory }: Pick<Place, "directory">): string => join(directory, "netns");
