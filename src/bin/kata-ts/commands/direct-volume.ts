import { parseArgs } from "node:util";
import { defaultRoots } from "../../../core/runtime/roots.js";
import { createLinuxSys } from "../../../core/sys/linux/index.js";
import { addMountInfo, removeMountInfo } from "../../../plugins/storage/volume-direct/write-mount-info.js";
import { type Command, commandErrors, orUsage } from "../command.js";
import { askOfVolume } from "../volume-client.js";

const usage =
  "kata-ts direct-volume add PATH MOUNT-INFO | remove PATH | stats PATH [--run DIR] | resize PATH BYTES [--run DIR]";

const options = { run: { type: "string", default: defaultRoots.run } } as const;

/** Says of the path of a volume which disk it is, as CSI drivers do by upstream's program; asks of those that pods have. */
export const directVolumeCommand: Command = {
  name: "direct-volume",
  usage,
  summary: "say which disk a volume is, for machines to have it (docs/volumes.md); see how full it is, make it larger",
  async run(args) {
    const { values, positionals } = orUsage(usage, () =>
      parseArgs({ args: [...args], allowPositionals: true, options }),
    );
    const [action = "", path, value, ...extra] = positionals;
    const act = actions.get(action);
    if (act === undefined || path === undefined || extra.length > 0 || (value === undefined) === act.hasValue)
      throw commandErrors.KATA_USAGE({ problem: `"${positionals.join(" ").slice(0, 200)}" is not known`, usage });
    process.stdout.write(`${await act.run(path, value ?? "", values.run)}\n`);
    return 0;
  },
};

/** What is done with a volume: gives what is printed. */
interface Action {
  readonly hasValue: boolean;
  run(path: string, value: string, runRoot: string): Promise<string>;
}

const actions: ReadonlyMap<string, Action> = new Map([
  [
    "add",
    {
      hasValue: true,
      run: async (path, info) =>
        `wrote ${await addMountInfo(createLinuxSys(), defaultRoots.directVolumes, path, info)}`,
    },
  ],
  [
    "remove",
    {
      hasValue: false,
      run: async (path) =>
        (await removeMountInfo(createLinuxSys(), defaultRoots.directVolumes, path))
          ? `removed what was said of ${path}`
          : `nothing was said of ${path}`,
    },
  ],
  [
    "stats",
    {
      hasValue: false,
      run: (source, _value, run) =>
        askOfVolume(
          { run, sockets: "" },
          source,
          async (volumes, call) => (await volumes.stats({ source }, call)).json,
        ),
    },
  ],
  [
    "resize",
    {
      hasValue: true,
      async run(source, text, run) {
        const bytes = bytesOf(text);
        await askOfVolume({ run, sockets: "" }, source, (volumes, call) => volumes.resize({ source, bytes }, call));
        return `${source} has ${bytes} bytes at least`;
      },
    },
  ],
]);

function bytesOf(text: string): bigint {
  if (/^[1-9]\d{0,15}$/.test(text)) return BigInt(text);
  throw commandErrors.KATA_USAGE({ problem: `${JSON.stringify(text.slice(0, 40))} is no number of bytes`, usage });
}
