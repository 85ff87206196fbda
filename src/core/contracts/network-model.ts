/** Bits a second that a VM's card may move; absent: no limit. */
export interface NetworkRates {
  /** Of what the guest receives. */
  readonly receive?: number;
  /** Of what the guest sends. */
  readonly transmit?: number;
}

/** An interface of the pod that is to be joined with its VM. */
export interface NetworkJoin {
  /** Path of the network namespace. */
  readonly namespace: string;
  /** The interface's name there. */
  readonly podInterface: string;
  /** Name of the link that the model makes beside it; 1 to 15 bytes. */
  readonly tap: string;
  /** Queue pairs of the VM's card. */
  readonly queuePairs: number;
  readonly rates: NetworkRates;
}

/**
 * How frames get from a pod's interface to the VM's card and back: `internetworking_model`. Chosen by name; one instance
 * serves all interfaces of a sandbox.
 */
export interface NetworkModel {
  readonly name: string;
  /** False when the VM gets no interfaces at all (`none`): then nothing of the namespace is read. */
  readonly attaches: boolean;
  /**
   * Makes what the VM's card is connected to, joins it with the pod's interface, and gives its descriptors, one for each
   * queue pair, which are the caller's to close. What a crash would leave is in the sandbox's record before it is made.
   */
  join(join: NetworkJoin): Promise<readonly number[]>;
  /**
   * Leaves the pod's interface as it was before `join`, also after one that failed in the middle. What is not there, the
   * interface or all of the namespace, is no error.
   */
  part(join: NetworkJoin): Promise<void>;
}
