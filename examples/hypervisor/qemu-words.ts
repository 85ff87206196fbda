import type { FsDevice, VmSpec } from "kata-ts/plugin";

/** What QEMU's command line is made of. */
export interface QemuMachine {
  readonly accel: "kvm" | "tcg";
  /** The directory of the guest's kernel, initrd and image. */
  readonly guest: string;
  readonly runDirectory: string;
  readonly spec: VmSpec;
  readonly shares: readonly FsDevice[];
}

/** QEMU's words. Its monitor is on stdin and stdout, the guest's console on stderr. */
export function qemuWords({ accel, guest, runDirectory, spec, shares }: QemuMachine): string[] {
  const path = (value: string): string => value.replaceAll(",", ",,");
  const parameters = [
    "console=ttyS0 quiet reboot=t panic=-1 root=/dev/vda rootfstype=ext4 ro",
    ...spec.kernelParameters,
  ];
  const options = [
    "nodefaults",
    "no-user-config",
    "no-reboot",
    "display none",
    "qmp stdio",
    `machine q35,memory-backend=ram,accel=${accel}`,
    "cpu max",
    `smp ${spec.vcpus}`,
    `m ${spec.memoryMiB}M`,
    `object memory-backend-memfd,id=ram,size=${spec.memoryMiB}M,share=on`,
    "chardev socket,id=console,fd=2",
    "serial chardev:console",
    `kernel ${guest}/vmlinuz`,
    `initrd ${guest}/initrd`,
    `append ${parameters.join(" ")}`,
    `drive file=${path(guest)}/image,format=raw,if=virtio,readonly=on`,
    "device virtio-serial-pci",
    // The way to the guest: a port for its agent and one for its log, each a socket of the host.
    ...[1024, 1025].flatMap((port) => [
      `chardev socket,id=port-${port},path=${path(runDirectory)}/port-${port}.sock,server=on,wait=off`,
      `device virtserialport,chardev=port-${port},name=kata.${port},nr=${port - 1023}`,
    ]),
    ...shares.flatMap(({ id, tag, socket, queueSize }) => [
      `chardev socket,id=${id},path=${path(socket)}`,
      `device vhost-user-fs-pci,chardev=${id},tag=${path(tag)},queue-size=${queueSize}`,
    ]),
  ];
  return options.flatMap((option) => {
    const [name = "", ...value] = option.split(" ");
    return value.length === 0 ? [`-${name}`] : [`-${name}`, value.join(" ")];
  });
}
