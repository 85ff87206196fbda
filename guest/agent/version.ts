/** Version of this agent; it goes with the runtime's. */
export const agentVersion = "0.1.0";

/** Version of the protocol, as Kata's agent gives it. */
export const protocolVersion = "0.0.1";
