import type { Machine } from "../../core/sys/machine.js";

/** A machine that only remembers its name. What else was done to it is in the recorded calls. */
export class FakeMachine implements Machine {
  #hostname = "fake";

  reboot(): void {
    // recorded; a test that went on after a real one would be surprising
  }

  async sync(): Promise<void> {
    // nothing is held back
  }

  hostname(): string {
    return this.#hostname;
  }

  setHostname(name: string): void {
    this.#hostname = name;
  }

  setDomainName(): void {
    // nothing asks for it
  }

  setTime(): void {
    // the clock stays the real one
  }

  reseed(): void {
    // the random numbers stay the real ones
  }

  swapOn(): void {
    // pages stay where they are
  }
}
