import type { Explanations } from "./explanation.js";

/** Of configuration files and annotations. */
export const configuration: Explanations = {
  KATA_CONFIG_READ: {
    cause: "The configuration file that was named is not there, or cannot be read.",
    cure: "Correct the path; the message says who asked for it. Without a name the usual places are searched.",
  },
  KATA_CONFIG_UNTRUSTED: {
    cause:
      "The file of `KATA_CONF_FILE`, or a directory above it, belongs to somebody else or can be written by others.",
    cure: "Have it and its directories belong to root, with `chmod go-w`.",
  },
  KATA_CONFIG_DROP_IN: {
    cause: "A file of `config.d` is a symbolic link, or cannot be read.",
    cure: "Replace the link by a plain file, or remove it.",
  },
  KATA_CONFIG_SYNTAX: {
    cause: "The text is not TOML: often a missing quote, or a key that is there twice.",
    cure: "Correct the line that the message shows.",
  },
  KATA_CONFIG_UNKNOWN_KEY: {
    cause:
      "A key or a table that nobody knows: misspelt, in the wrong table, of another version, or of a plugin that is not loaded.",
    cure: "Take the name that the message suggests, or remove the key. `docs/configuration.md` lists all.",
  },
  KATA_CONFIG_TYPE: {
    cause: "The value is of another type than its key takes, such as a string for a number.",
    cure: "Write it as the message says.",
  },
  KATA_CONFIG_VALUE: {
    cause: "The value is out of its key's range, is none of its words, or does not go with another key.",
    cure: "Take a value that the message allows.",
  },
  KATA_CONFIG_FILE_MISSING: {
    cause: "A key names a program, a kernel or an image that is not there or cannot be used.",
    cure: "Install it, or correct the path. An empty value takes what kata-ts brings.",
  },
  KATA_CONFIG_PLUGIN: {
    cause: "A plugin that is in use finds a value that it cannot work with.",
    cure: "Change the key as the message says, or choose another plugin.",
  },
  KATA_CONFIG_INVALID: {
    cause: "Several things are wrong with the configuration; each is listed with its line.",
    cure: "Correct them one by one; `kata-ts config` shows when none is left.",
  },
  KATA_CONFIG_ANNOTATION_REFUSED: {
    cause: "A pod sets configuration by an annotation that `enable_annotations` does not allow.",
    cure: "Take the annotation off the pod, or allow it as the message says if pods may decide that.",
  },
  KATA_CONFIG_ANNOTATION_NEVER: {
    cause: "A pod has an annotation that would give it something of the host, and that no configuration can allow.",
    cure: "Take it off the pod and set the key in the configuration file.",
  },
  KATA_CONFIG_ANNOTATION_UNKNOWN: {
    cause: "An annotation below `io.katacontainers.config.` that nobody knows.",
    cure: "Correct its name, or take it off the pod.",
  },
  KATA_CONFIG_ANNOTATION_VALUE: {
    cause: "The annotation's value is not what its key takes, or it names a path that no pattern allows.",
    cure: "Write it as the message says; for a path extend the key `valid_…`.",
  },
};
