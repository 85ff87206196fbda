/** Conformance suites: what the contract of each kind promises, tried with a plugin. */
export type { AgentSubject, TrialGuest } from "./agent.js";
export { type BlockDriverSubject } from "./block-driver.js";
export type { Check, Place, Subject } from "./check.js";
export {
  conformance,
  describeConformance,
  type MatchedKind,
  matchScores,
  type Subjects,
  type TestRunner,
} from "./conformance.js";
export { type EndpointSubject, linkInfo } from "./endpoint.js";
export type { HypervisorSubject } from "./hypervisor.js";
export type { RootfsOffer, RootfsSubject } from "./rootfs.js";
export { bundlePaths } from "./storage-place.js";
export type { VolumeOffer, VolumeSubject } from "./volume.js";
