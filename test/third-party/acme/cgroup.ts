import type { Cgroup, CgroupRequest, Plugin } from "kata-ts/plugin";
import { note } from "./notes.js";
import { tableOf } from "./schema.js";

const nothing = tableOf({});

/** A cgroup that is a name. */
class Name implements Cgroup {
  readonly directory: string;

  constructor({ place }: CgroupRequest) {
    this.directory = place.path.join("/");
  }

  async create(): Promise<void> {
    note(`cgroup create ${this.directory}`);
  }

  async adopt(): Promise<boolean> {
    return true;
  }

  async add(): Promise<void> {}
  async addMachine(): Promise<void> {}
  async addThreads(): Promise<undefined> {}
  async update(): Promise<void> {}

  async remove(): Promise<void> {
    note(`cgroup remove ${this.directory}`);
  }
}

export const plugin: Plugin<"cgroup", typeof nothing> = {
  api: 1,
  kind: "cgroup",
  name: "acme-cgroup",
  config: nothing,
  create: () => ({ name: "acme-cgroup", match: () => 1000, open: (request) => new Name(request) }),
};
