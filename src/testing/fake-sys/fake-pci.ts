import { existsSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { Files } from "../../core/sys/files.js";
import type { Link } from "../../core/sys/netlink/link.js";
import type { FakeNetwork } from "./fake-network.js";
import { withMethods } from "./with-methods.js";

/** Where drivers make their links. */
const driverNamespace = "/proc/1/ns/net";

/** What a driver has had of a device. */
interface Lost {
  readonly driver: string;
  readonly link: Link | undefined;
}

/**
 * A PCI bus below whatever directory is taken for sysfs: drivers let go of devices and claim them as they are asked by its
 * files (Documentation/ABI/testing/sysfs-bus-pci). The pretended link of a device goes with its driver, and comes again, under
 * another name, where drivers make links.
 */
export class FakePci {
  readonly #network: FakeNetwork;
  /** By the device's address. */
  readonly #lost = new Map<string, Lost>();
  #made = 0;

  constructor(network: FakeNetwork) {
    this.#network = network;
  }

  files(real: Files): Files {
    return withMethods(real, {
      writeAttribute: (path, text) => {
        real.writeAttribute(path, text);
        const [, bus = "", what = ""] = /^(.*\/bus\/pci)\/(.*)$/.exec(path) ?? [];
        if (what.endsWith("/unbind")) this.#unbind(bus, text);
        else if (what === "drivers_probe") this.#probe(bus, text);
      },
    });
  }

  #unbind(bus: string, address: string): void {
    const path = join(bus, "devices", address, "driver");
    const driver = basename(readlinkSync(path));
    rmSync(path);
    const link = this.#network.takeLinkOf(address);
    // One that hands a device over has no link of it.
    if (link !== undefined) this.#lost.set(address, { driver, link });
  }

  #probe(bus: string, address: string): void {
    const device = join(bus, "devices", address);
    const lost = this.#lost.get(address);
    const driver = readFileSync(join(device, "driver_override"), "utf8").trim() || lost?.driver;
    if (driver === undefined || existsSync(join(device, "driver")) || !existsSync(join(bus, "drivers", driver))) return;
    symlinkSync(join(bus, "drivers", driver), join(device, "driver"));
    if (lost?.link === undefined || driver !== lost.driver) return;
    const { hardwareAddress, mtu, kind = "", device: behind } = lost.link;
    const name = `pci${++this.#made}`;
    const more = behind === undefined ? {} : { device: behind };
    this.#network.namespace(driverNamespace).add({ name, hardwareAddress, mtu }, kind, more);
  }
}
