import assert from "node:assert/strict";
import type { EndpointContribution, EndpointDriver, LinkInfo } from "../../core/contracts/endpoint.js";
import { FakeNetworkModel } from "../fake-network-model.js";
import type { Place, Subject, Trial } from "./check.js";
import { matchTrials, type Offers } from "./match-trials.js";
import { podNamespace } from "./pod-namespace.js";
import { type MakeResource, resourceTrials, undo } from "./resource-trials.js";

/** What is told of an endpoint that is tried. */
export interface EndpointSubject extends Subject {
  /**
   * Links that it takes, at least one. They are put into the pretended network; other things are for `arrange`. The second is
   * taken beside the first; there may be none where one link can be taken twice.
   */
  readonly takes: readonly LinkInfo[];
  /** Links that it leaves to others. One of a kind that nobody knows is among them in any case. */
  readonly leaves?: readonly LinkInfo[];
}

const unknown = linkInfo({ kind: "flux-capacitor" });

/** Puts the links that are taken into the pod's namespace. */
export function arrangeLinks(place: Place, { takes }: EndpointSubject): void {
  const namespace = place.sys.network.namespace(podNamespace(place));
  for (const { name, kind, hardwareAddress, mtu, flags, details } of takes) {
    namespace.add({ name, hardwareAddress, mtu }, kind, { flags, details });
  }
}

let indexes = 0;

const make: MakeResource<EndpointSubject, EndpointDriver> = async (stage, _found, which = 0) => {
  const { instance, scope } = await stage.make();
  const { takes } = stage.subject;
  const link = takes[which] ?? takes[0] ?? unknown;
  const namespace = podNamespace(stage);
  const model = new FakeNetworkModel(stage.sys);
  stage.also(() => [...model.joined.keys()].map((tap) => `${tap}, which is joined with a link`));
  const index =
    stage.sys.network.namespace(namespace).links.find(({ name }) => name === link.name)?.index ?? link.index;
  const resource = instance.create({
    link: { ...link, index },
    namespace,
    model,
    index: indexes++,
    queuePairs: 1,
    queueSize: 256,
    vhost: false,
    rates: {},
  });
  return { resource, scope };
};

export const endpointOffers: Offers<EndpointSubject, EndpointDriver, LinkInfo> = ({ subject }) => subject.takes;

export const endpointTrials: readonly Trial<EndpointSubject, EndpointDriver>[] = [
  ...matchTrials<EndpointSubject, LinkInfo, EndpointDriver>(endpointOffers, ({ subject }) => [
    unknown,
    ...(subject.leaves ?? []),
  ]),
  ...resourceTrials(make),
  {
    name: "gives the machine a card, and the guest its interface, with the link's addresses",
    async run(stage) {
      const { resource } = await make(stage);
      const { device, interface: guest } = (await resource.prepare(
        new AbortController().signal,
      )) as EndpointContribution;
      const [link = unknown] = stage.subject.takes;
      assert.notEqual(device.id, "", "its device has no id");
      assert.deepEqual(guest.addresses, link.guest.addresses);
      if ("hardwareAddress" in device) {
        assert.match(device.hardwareAddress, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
        assert.equal(guest.hardwareAddress, device.hardwareAddress, "the guest looks for another card");
      }
      await undo(resource);
    },
  },
];

/** A link as a pod has it; what is not told is that of a veth. */
export function linkInfo(link: Partial<LinkInfo> = {}): LinkInfo {
  const { name = "eth0", hardwareAddress = "02:00:00:00:00:42", mtu = 1500 } = link;
  return {
    name,
    index: 2,
    kind: "veth",
    hardwareAddress,
    mtu,
    flags: 1,
    details: {},
    guest: { device: name, name, hardwareAddress, mtu, addresses: [] },
    ...link,
  };
}
