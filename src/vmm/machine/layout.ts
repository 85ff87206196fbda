/**
 * Where things are in the guest's physical memory on x86-64. Numbers in bytes. Below 1 MiB as the boot protocol of Linux
 * leaves room for (Documentation/arch/x86/boot.rst); memory ends below the hole for devices and goes on above 4 GiB.
 */
export const layout = {
  /** The descriptor tables that a vCPU starts with; the GDT has 48 bytes, because the boot protocol asks for its selectors. */
  gdt: 0x500,
  idt: 0x540,
  /** `struct boot_params`, one page. */
  zeroPage: 0x7000,
  bootStack: 0x8ff0,
  /** Page tables that map the first 4 GiB to themselves: a page each, of page directories one for each GiB. */
  pml4: 0x9000,
  pdpt: 0xa000,
  pd: 0xb000,
  commandLine: 0x20000,
  commandLineSize: 0x10000,
  /** Ends the memory below 640 KiB: the MP table is here, and may go on up to ACPI's tables. */
  mpTable: 0x9fc00,
  /** ACPI's root pointer and tables: where BIOSes have them, and kernels look for them. */
  acpi: 0xe0000,
  acpiEnd: 0x100000,
  kernel: 0x100000,
  /** Memory below 4 GiB ends here; above it are devices. */
  holeStart: 0xc0000000,
  /** Memory-mapped virtio devices, `virtioStride` bytes each. */
  virtio: 0xd0000000,
  virtioStride: 0x1000,
  ioApic: 0xfec00000,
  localApic: 0xfee00000,
  /** Three pages that KVM uses itself on some processors. */
  kvmTss: 0xfffbd000,
  holeEnd: 0x100000000,
} as const;

/** KVM's numbers for memory: the guest's own is counted from 0, pages of registers from here on. */
export const firstPageSlot = 64;

/** Interrupt lines of the I/O APIC. */
export const lines = { console: 4, firstVirtio: 5, lastVirtio: 23 } as const;

/** I/O ports: of each device the first, and how many there are. */
export const ports = {
  console: { first: 0x3f8, count: 8 },
  keyboard: { first: 0x60, count: 5 },
  /** ACPI's reset register. */
  reset: { first: 0xcf9, count: 1 },
  /** ACPI's sleep control register, and after it that of sleep status. */
  power: { first: 0x600, count: 2 },
} as const;

/** The devices that have ports. */
export const portDevices = Object.keys(ports) as (keyof typeof ports)[];

const portRanges = Object.values(ports);

/** Whether an access of so many bytes is to ports of a device; a PC has nothing at any other. */
export function isDevicePort(port: number, size: number): boolean {
  for (const { first, count } of portRanges) if (port >= first && port + size <= first + count) return true;
  return false;
}

/** What a guest writes to `ports.reset` and to `ports.power` to reset the machine, and to turn it off. */
export const portValues = { reset: 6, powerOff: 0x34 } as const;

/** A memory-mapped virtio device as the guest is told of it. */
export interface VirtioSlot {
  readonly address: number;
  readonly line: number;
}

/** The slot of that number; undefined when there are no more lines. */
export function virtioSlot(index: number): VirtioSlot | undefined {
  const line = lines.firstVirtio + index;
  if (line > lines.lastVirtio) return undefined;
  return { address: layout.virtio + index * layout.virtioStride, line };
}

/** How many of them there are. */
export const mostSlots = lines.lastVirtio - lines.firstVirtio + 1;
