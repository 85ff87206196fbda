import type { Kind, Plugin } from "kata-ts/plugin";
import { note } from "./notes.js";
import { tableOf } from "./schema.js";

/** Says which images may be run: a kind that core knows nothing of. */
export interface ImageFilter {
  accepts(path: string): boolean;
}

/** Chosen by `image_filter` of `[runtime]`. */
export const imageFilter: Kind<ImageFilter> = {
  name: "image-filter",
  selection: { by: "key", key: "runtime.image_filter", default: "none", none: "none" },
};

const config = tableOf({ forbidden: "" });

export const plugin: Plugin<typeof imageFilter, typeof config> = {
  api: 1,
  kind: imageFilter,
  name: "acme",
  config,
  create: (_ctx, { forbidden }) => ({
    accepts(path) {
      note(`filter ${path}`);
      return forbidden === "" || !path.includes(forbidden);
    },
  }),
};
