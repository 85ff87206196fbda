/** An object with some methods in the place of those of another one, and all else that one has. */
export const withMethods = <T extends object>(target: T, methods: Partial<T>): T =>
  new Proxy(target, {
    get(of, property) {
      const value: unknown = Reflect.get(methods, property) ?? Reflect.get(of, property, of);
      return typeof value === "function" ? (value.bind(of) as unknown) : value;
    },
  });
