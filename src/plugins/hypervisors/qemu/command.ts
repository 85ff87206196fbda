type Value = string | number | boolean;

/** The properties of an object, a device or a disk, as QEMU's JSON syntax and its monitor take them. */
export interface Properties {
  readonly [name: string]: Value | readonly Value[] | Properties | undefined;
}

/** Words of an option `first,key=value,…`; `undefined` leaves one out. A comma in a value is doubled, as QEMU wants it. */
function keyed(first: string, values: Readonly<Record<string, Value | undefined>>): string {
  const words = Object.entries(values).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const text = typeof value === "boolean" ? (value ? "on" : "off") : String(value);
    return [`${key}=${text.replaceAll(",", ",,")}`];
  });
  return [first.replaceAll(",", ",,"), ...words].join(",");
}

/** Collects QEMU's command line and the descriptors that it inherits. */
export class QemuCommand {
  readonly args: string[] = [];
  /** Become 3, 4, … in QEMU. */
  readonly fds: number[] = [];

  /** The number by which QEMU will know a descriptor of ours. */
  inherit(fd: number): number {
    this.fds.push(fd);
    return this.fds.length + 2;
  }

  option(name: string, value?: string): this {
    this.args.push(`-${name}`, ...(value === undefined ? [] : [value]));
    return this;
  }

  keyed(name: string, first: string, values: Readonly<Record<string, Value | undefined>> = {}): this {
    return this.option(name, keyed(first, values));
  }

  /** `-object`, `-device`, `-blockdev` or `-netdev` in JSON, whose values need no escaping. */
  json(name: "object" | "device" | "blockdev" | "netdev", values: Properties): this {
    return this.option(name, JSON.stringify(values));
  }

  /** A character device on a listening socket of ours. */
  listening(id: string, fd: number): this {
    return this.keyed("chardev", "socket", { id, fd: this.inherit(fd), server: true, wait: false });
  }
}
