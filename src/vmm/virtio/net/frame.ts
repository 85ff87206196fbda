/** Bytes of the header before each frame (virtio 1.2, 5.1.6: `struct virtio_net_hdr`); with virtio 1 always these. */
export const frameHeaderBytes = 12;

/** Where in it is the number of buffers that a frame for the driver takes. */
export const bufferCountAt = 10;

/** Bytes of the longest frame with its header: 64 KiB of IP, the Ethernet header, and tags of VLANs, rounded up. */
export const frameBytes = 66_000;
