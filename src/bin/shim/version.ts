/** Put in by the bundler, from package.json. */
declare const KATA_TS_VERSION: string;

/** The runtime's version. */
export const version: string = KATA_TS_VERSION;

/** What `-v` prints. */
export const versionLine = (): string => `containerd-shim-kata-ts-v2: io.containerd.kata-ts.v2 ${version}`;
