/** `process`: the environment, and what programs ask to learn where they are. */
import { environment } from "#host";
import { assertOwnEnvironment, isRunning } from "../phase.ts";
import { define } from "../web/define.ts";

let variables: { [name: string]: string } | undefined;

/** Read when the plugin runs: while it is being built there are none. */
function current(what = "process.env"): { [name: string]: string } {
  if (!isRunning()) {
    assertOwnEnvironment(what);
    return {};
  }
  variables ??= environment();
  return variables;
}

export const env: { [name: string]: string | undefined } = new Proxy(
  {},
  {
    get: (_, name) => (typeof name === "string" ? current(`process.env.${name}`)[name] : undefined),
    set: (_, name, value) => Reflect.set(current(), name, String(value)),
    has: (_, name) => name in current(),
    deleteProperty: (_, name) => Reflect.deleteProperty(current(), name),
    ownKeys: () => Reflect.ownKeys(current()),
    getOwnPropertyDescriptor: (_, name) => Reflect.getOwnPropertyDescriptor(current(), name),
  },
);

export const argv: string[] = [];
export const platform = "wasi";
export const versions: { [name: string]: string | undefined } = {};
export const version = "";
export const cwd = (): string => "/";
export const nextTick = (callback: (...args: any[]) => void, ...args: unknown[]): void =>
  queueMicrotask(() => callback(...args));

const process = { env, argv, platform, versions, version, cwd, nextTick };
define({ process });
export default process;
