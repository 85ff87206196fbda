import fc from "fast-check";
import { mmioRegister } from "../../../src/vmm/virtio/mmio-registers.js";
import { RngDevice } from "../../../src/vmm/virtio/rng/rng-device.js";
import { DrivenDevice } from "./driven-device.js";
import { guardedMemory } from "./guarded-memory.js";

const register = fc.oneof(
  { weight: 4, arbitrary: fc.constant(mmioRegister.status) },
  { weight: 8, arbitrary: fc.constantFrom(...Object.values(mmioRegister)) },
  { weight: 1, arbitrary: fc.nat(0xfff) },
);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 2, 3, 4, 8, 11, 15, 64, 128) },
  { weight: 2, arbitrary: fc.nat(0x2000).map((n) => n * 4) },
  { weight: 1, arbitrary: fc.nat(0xffffffff) },
);
const access = fc.record({
  register,
  value,
  length: fc.constantFrom(4, 4, 4, 4, 4, 4, 1, 2, 8),
  write: fc.boolean(),
});

/** Accesses to the registers in any order and width: nothing is thrown, nothing around the memory is touched. */
export function hostileRegisters(): fc.IPropertyWithHooks<
  [{ register: number; value: number; length: number; write: boolean }[]]
> {
  const driven = new DrivenDevice(new RngDevice((bytes) => void bytes.fill(1)), guardedMemory([0, 0x8000]));
  return fc.property(fc.array(access, { maxLength: 60 }), (accesses) => {
    driven.guarded.clear();
    driven.reset();
    for (const one of accesses) {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setUint32(0, one.value, true);
      const part = bytes.subarray(0, one.length);
      if (one.write) void driven.transport.write(one.register, part);
      else driven.transport.read(one.register, part);
    }
    if (driven.guarded.damaged()) throw new Error("something around the guest's memory was written");
  });
}
