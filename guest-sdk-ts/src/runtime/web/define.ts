/**
 * Puts values where programs expect the platform's. What has a name gets this one:
 * the bundler renames what is called like a global.
 */
export function define(values: { [name: string]: unknown }): void {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
    if (typeof value !== "function") continue;
    Object.defineProperty(value, "name", { value: name, configurable: true });
    if (value.prototype) Object.defineProperty(value.prototype, Symbol.toStringTag, { value: name, configurable: true });
  }
}
