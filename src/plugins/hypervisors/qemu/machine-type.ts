/** The machine types there are: a PC with PCI Express, and a minimal one whose devices are memory-mapped. */
export const machineTypes = ["q35", "microvm"] as const;
export type MachineType = (typeof machineTypes)[number];
