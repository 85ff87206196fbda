import type { Explanations } from "./explanation.js";

/** Of plugins, scopes, messages and deadlines. */
export const framework: Explanations = {
  KATA_SCOPE_CLOSED: {
    cause: "Something was opened for a sandbox, a container or a plugin that has ended, or is ending, meanwhile.",
    cure: "Nothing, when it was being removed. A plugin that still works after its scope has closed must stop when `ctx.scope` does.",
  },
  KATA_SCOPE_UNBOUND: {
    cause: "Code asked a scope for a thing that nobody has put there: a mistake in the program.",
    cure: "Bind the token before it is asked for. When no code of yours does that, report it with the message.",
  },
  KATA_DEADLINE: {
    cause:
      "What the message names did not happen in time: a program, the guest or a plugin hangs, or the host is too busy.",
    cure: "Look at what it waited for, first at its own log. On a host without KVM guests are many times slower.",
  },
  KATA_DISPATCH_UNHANDLED: {
    cause:
      "A message was sent that no runtime handler answers: the chosen handler lacks it, or the message is one of a plugin's own.",
    cure: "Choose a handler (`runtime.name`) that answers it, or load the plugin that does.",
  },
  KATA_DISPATCH_DUPLICATE: {
    cause: "Two parts registered themselves as the one that answers the same message.",
    cure: "Leave one of the two plugins out.",
  },
  KATA_RUNTIME_CLOSED: {
    cause: "A runtime was used after its `close` or `destroy`.",
    cure: "Make a new `Runtime`, or close it later.",
  },
  KATA_PLUGIN_API: {
    cause: "A plugin is written for a version of the plugin contract that this runtime does not have, or says none.",
    cure: "For a newer version install the kata-ts that the message names; for an older or missing one update the plugin's package.",
  },
  KATA_PLUGIN_SHAPE: {
    cause: "A package exports something that is not a plugin, or one with a part missing.",
    cure: "Export `plugin`, `plugins` or a default of `{ api, kind, name, config, create }`; `definePlugin` has the compiler check it.",
  },
  KATA_PLUGIN_DUPLICATE: {
    cause: "Two plugins have the same kind and name, or one package is named twice.",
    cure: "Give yours a name of its own, or take the other one out of `plugins`.",
  },
  KATA_PLUGIN_FROZEN: {
    cause:
      "A plugin was registered after the first instance had been made, often since a second configuration names more packages.",
    cure: "Name all packages in the configuration that the process begins with, or register them before the first message.",
  },
  KATA_PLUGIN_UNKNOWN: {
    cause:
      "Configuration, or a plugin, names a plugin that is not registered: a slip of the pen, another kind's, or its package is not loaded.",
    cure: "Take one of the names in the message, or add the package to `plugins`. `kata-ts plugins` lists all.",
  },
  KATA_PLUGIN_LOAD: {
    cause:
      "A package of `plugins` is not installed where the configuration file can reach it, others can write to it, or its code throws when it is loaded.",
    cure: "Install it beside the configuration file or above it, owned by root; for an error of its own see the cause in the message.",
  },
  KATA_PLUGIN_CONFIG: {
    cause: "The plugin's own schema refuses what its table says.",
    cure: "Correct the keys that the message names; the plugin's page or package says what they take.",
  },
  KATA_PLUGIN_KIND: {
    cause: "A plugin brings along a kind whose name or key is taken, or that another plugin defines otherwise.",
    cure: "Give the kind a name and a key of its own; plugins of one kind take its definition from one package.",
  },
  KATA_PLUGIN_SCHEMA: {
    cause: "The plugin's schema threw, or gave something that is no answer of a Standard Schema.",
    cure: "Have `validate` give `{ value }` or `{ issues }`, whatever it is asked; `schemaOf` makes one of a function that throws.",
  },
  KATA_PLUGIN_RESULT: {
    cause: "The plugin's `create` gave nothing, or something that lacks methods of its kind's contract.",
    cure: "Return the instance from `create`, with every method that the message names; `definePlugin` has the compiler check it.",
  },
  KATA_PLUGIN_MATCH: {
    cause: "The plugin's `match` threw or gave no number. The plugin is left out, and others are chosen from.",
    cure: "Have `match` give 0 for what it does not take; what is to be refused is refused when it is prepared.",
  },
  KATA_PLUGIN_LATE: {
    cause:
      "A timer, a callback or a promise of the plugin failed after the call that began it, where nobody could catch it.",
    cure: "Catch it in the plugin: the log has the stack. Only the sandbox of that instance has ended.",
  },
  KATA_CAPABILITY: {
    cause: "Something was asked for that the chosen hypervisor or agent cannot do.",
    cure: "Choose one that has the capability (`runtime.hypervisor_name`, `runtime.agent_name`), or do without.",
  },
  KATA_PLUGIN_CREATE: {
    cause: "The plugin's `create` threw an error of its own, which follows in the message.",
    cure: "Mend what that error says. If it says too little, ask the plugin's author: the message names the package.",
  },
  KATA_PLUGIN_CYCLE: {
    cause: "Plugins require each other, or ask for each other in their `create`, in a circle: none can be made first.",
    cure: "Take one `requires` out of the circle, or have one ask for the other when it needs it and not in `create`.",
  },
  KATA_PLUGIN_NO_MATCH: {
    cause:
      "No plugin of this kind takes what the pod brings: a link, a mount or a root file system of a kind that none knows.",
    cure: "Give the pod something that one takes, or load a plugin for it.",
  },
  KATA_PLUGIN_TIE: {
    cause: "Two plugins say that they fit equally well.",
    cure: "Leave one of them out, or have your own give a higher number from `match`.",
  },
  KATA_CONFORMANCE: {
    cause: "A plugin under test does not keep a promise of its kind's contract, or has left something behind.",
    cure: "Read what the message found, and the contract in `src/core/contracts`; run that check alone while mending it.",
  },
  KATA_CONFORMANCE_SUBJECT: {
    cause:
      "A conformance suite was asked for with something that it does not know, such as a check to skip that there is not.",
    cure: "Correct what is passed to `conformance`; the names of its checks are those that it returns.",
  },
};
