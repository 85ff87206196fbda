import { type Loader, loadBundle } from "./bundle-loader.js";
import type * as shim from "./shim.js";

// All of the program comes out of a code cache but this file, which is compiled whenever it is run: so it is small.
const loader: Loader = {
  load: (name) => loadBundle(`${__dirname}/${name}`, require),
  import: (url) => import(url),
};
const { main } = loader.load("shim.cjs") as typeof shim;
void main(process.argv.slice(2), loader);
