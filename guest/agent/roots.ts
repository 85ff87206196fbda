/** Where the agent finds the guest; a test gives it directories of its own. */
export interface AgentRoots {
  /** `/run`: everything the agent writes is below it. */
  readonly run: string;
  /** `/proc` */
  readonly proc: string;
  /** `/sys` */
  readonly sys: string;
  /** `/dev` */
  readonly dev: string;
  /** `/sys/fs/cgroup`, version 2. */
  readonly cgroup: string;
}

/** The guest itself. */
export const guestRoots: AgentRoots = {
  run: "/run",
  proc: "/proc",
  sys: "/sys",
  dev: "/dev",
  cgroup: "/sys/fs/cgroup",
};

/** Directory of all that the host sees by name: the share, storages, bundles. */
export const containersDirectory = (roots: AgentRoots): string => `${roots.run}/kata-containers`;

/** Directory of the agent's own files. */
export const agentDirectory = (roots: AgentRoots): string => `${roots.run}/kata-agent`;
