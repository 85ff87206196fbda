import { imageErrors } from "./errors.js";

/** What differs in the distribution from one processor architecture to another. */
export interface Architecture {
  /** Node's name for it. */
  readonly name: string;
  /** The end of the names of its kernel packages for guests. */
  readonly kernelFlavour: string;
  /** Its directory below `/usr/lib`. */
  readonly multiarch: string;
  /** koffi's native part, below `node_modules`. */
  readonly koffi: string;
}

const architectures: readonly Architecture[] = [
  {
    name: "x64",
    kernelFlavour: "cloud-amd64",
    multiarch: "x86_64-linux-gnu",
    koffi: "@koromix/koffi-linux-x64/linux_x64/koffi.node",
  },
];

/** The architecture by Node's name; `KATA_GUEST_IMAGE_ARCH` for one that no guest is built for. */
export function architectureOf(arch: string): Architecture {
  const found = architectures.find(({ name }) => name === arch);
  if (found !== undefined) return found;
  throw imageErrors.KATA_GUEST_IMAGE_ARCH({ arch, known: architectures.map(({ name }) => name) });
}
