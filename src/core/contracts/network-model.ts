/** The two ends a model joins: an interface of the pod and the tap of its VM, both in one network namespace. */
export interface NetworkPair {
  /** Path of the network namespace. */
  readonly namespace: string;
  readonly podInterface: string;
  readonly tap: string;
  readonly queuePairs: number;
}

/**
 * How frames get from a pod's interface to the VM's tap and back: `internetworking_model`. Chosen by name.
 * `add` is undone by `remove`, also when it failed in the middle; `remove` of what is not there is no error.
 */
export interface NetworkModel {
  readonly name: string;
  /** False when the VM gets no interfaces at all (`none`): then nothing of the namespace is read. */
  readonly attaches: boolean;
  add(pair: NetworkPair): Promise<void>;
  remove(pair: NetworkPair): Promise<void>;
}
