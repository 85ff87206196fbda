import type {
  Disk,
  Plugin,
  Rootfs,
  RootfsRequest,
  Share,
  ShareFs,
  ShareRequest,
  Volume,
  VolumeRequest,
} from "kata-ts/plugin";
import { type ImageFilter, imageFilter } from "./filter.js";
import { note } from "./notes.js";
import { tableOf } from "./schema.js";

const nothing = tableOf({});

/** A share that shares nothing but names. */
class Names implements ShareFs {
  readonly name = "acme-share";
  readonly failed = new Promise<Error>(() => undefined);

  async prepare() {
    note("share prepare");
    const storage = { driver: "acme", source: "acme-share", fstype: "acme", options: [], mountPoint: "/shared" };
    return { devices: [], storages: [storage] };
  }

  async share({ name }: ShareRequest): Promise<Share> {
    note(`share ${name}`);
    return { guestPath: `/shared/${name}`, release: async () => note(`share release ${name}`) };
  }

  async cleanup(): Promise<void> {
    note("share cleanup");
  }
}

const shareFs: Plugin<"share-fs", typeof nothing> = {
  api: 1,
  kind: "share-fs",
  name: "acme-share",
  config: nothing,
  create: () => new Names(),
};

/** A root file system that is shared as it is, when the image filter takes it. */
class Root implements Rootfs {
  readonly name = "acme root";
  readonly #request: RootfsRequest;
  readonly #filter: ImageFilter | undefined;
  #share: Share | undefined;

  constructor(request: RootfsRequest, filter: ImageFilter | undefined) {
    this.#request = request;
    this.#filter = filter;
  }

  async prepare() {
    const { rootPath, containerId, shareFs, readOnly } = this.#request;
    if (this.#filter?.accepts(rootPath) === false) throw new Error(`the image filter does not take ${rootPath}`);
    this.#share = await shareFs?.share({ name: `${containerId}/acme`, source: rootPath, readOnly });
    return { guestPath: this.#share?.guestPath ?? "/" };
  }

  async cleanup(): Promise<void> {
    await this.#share?.release();
  }
}

const rootfs: Plugin<"rootfs", typeof nothing> = {
  api: 1,
  kind: "rootfs",
  name: "acme-root",
  config: nothing,
  async create({ plugins }) {
    const filter = await plugins.chosen(imageFilter);
    return { name: "acme-root", match: () => 1000, create: (request) => new Root(request, filter) };
  },
};

const volumeConfig = tableOf({ fstype: "acmefs" });

/** A mount of type `acme`: a disk of the machine. */
class DiskVolume implements Volume {
  readonly name: string;
  readonly #request: VolumeRequest;
  readonly #fstype: string;
  #disk: Disk | undefined;

  constructor(request: VolumeRequest, fstype: string) {
    this.name = `acme volume ${request.index}`;
    this.#request = request;
    this.#fstype = fstype;
  }

  async prepare() {
    const { disks, mount } = this.#request;
    const { destination, source = "" } = mount;
    this.#disk = await disks?.add({ purpose: `the volume at ${destination}`, path: source, readOnly: true });
    note(`volume ${destination}`);
    const mountPoint = `/run/acme${destination}`;
    const storage = this.#disk?.storage({ fstype: this.#fstype, options: ["ro"], mountPoint });
    return { storages: storage ? [storage] : [], mounts: [{ ...mount, type: "bind", source: mountPoint }] };
  }

  async cleanup(): Promise<void> {
    await this.#disk?.release();
  }
}

const volume: Plugin<"volume", typeof volumeConfig> = {
  api: 1,
  kind: "volume",
  name: "acme-volume",
  config: volumeConfig,
  create: (_ctx, { fstype }) => ({
    name: "acme-volume",
    match: ({ mount }) => (mount.type === "acme" ? 1000 : 0),
    create: (request) => new DiskVolume(request, fstype),
  }),
};

const blockDriver: Plugin<"block-driver", typeof nothing> = {
  api: 1,
  kind: "block-driver",
  name: "acme-disk",
  config: nothing,
  create: () => ({
    name: "acme-disk",
    device: (id, path, readOnly) => ({ kind: "block", id, path, readOnly, driver: "acme-disk" }),
    storage: (source, mount) => ({ driver: "acme", source, ...mount }),
  }),
};

export const plugins = [shareFs, rootfs, volume, blockDriver];
