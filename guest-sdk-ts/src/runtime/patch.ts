/** Replacing what the engine has of its own. */

/** Puts these methods where the engine's are, as invisible to loops as those. */
export function replaceMethods(on: object, methods: { [name: string]: (...values: any[]) => unknown }): void {
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(value, "name", { value: name, configurable: true });
    Object.defineProperty(on, name, { value, writable: true, enumerable: false, configurable: true });
  }
}
