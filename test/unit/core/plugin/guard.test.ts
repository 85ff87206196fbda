import { expect } from "chai";
import { currentCulprit, traceCulprits } from "../../../../src/core/plugin/culprit.js";
import { guardInstance } from "../../../../src/core/plugin/guard.js";

const culprit = { id: "volume/acme", origin: "test" };

/** A driver with what a proxy may break: private members, accessors, objects that it makes. */
class Driver {
  readonly name = "acme";
  #calls = 0;
  seen: string | undefined;

  get calls(): number {
    return this.#calls;
  }

  set calls(value: number) {
    this.#calls = value;
  }

  match(): number {
    this.#calls += 1;
    this.seen = currentCulprit()?.id;
    return this.#calls;
  }

  create(): { prepare: () => string | undefined } {
    return { prepare: () => currentCulprit()?.id };
  }
}

describe("a guarded instance", () => {
  before(traceCulprits);
  const guarded = (instance: unknown = new Driver()) => guardInstance(instance, "volume", culprit) as Driver;

  it("runs its methods as the plugin's, and is otherwise what it was", () => {
    const driver = guarded();
    expect(driver).to.be.instanceOf(Driver);
    expect([driver.match(), driver.match(), driver.calls, driver.name]).to.deep.equal([1, 2, 2, "acme"]);
    expect(driver.seen).to.equal("volume/acme");
    driver.calls = 7;
    expect(driver.match()).to.equal(8);
    expect(Reflect.get(driver, "match")).to.equal(Reflect.get(driver, "match"));
    expect(currentCulprit()).to.equal(undefined);
  });

  it("guards what it makes", () => {
    expect(guarded().create().prepare()).to.equal("volume/acme");
  });

  it("takes frozen objects, and replaced methods", () => {
    expect(guarded(Object.freeze({ match: () => 3 })).match()).to.equal(3);
    const plain = { match: () => 1 };
    const driver = guarded(plain);
    expect(driver.match()).to.equal(1);
    plain.match = () => 2;
    expect(driver.match()).to.equal(2);
  });

  it("has what its methods begin be the plugin's: timers, promises, callbacks", async () => {
    const seen: (string | undefined)[] = [];
    const note = () => void seen.push(currentCulprit()?.id);
    const driver = guarded({
      match: () => {
        setTimeout(note);
        process.nextTick(note);
        void Promise.resolve().then(note);
        return 0;
      },
    });
    driver.match();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(seen).to.deep.equal(["volume/acme", "volume/acme", "volume/acme"]);
  });
});
