/// <reference path="./platform/globals.d.ts" preserve="true" />
/// <reference path="./platform/node.d.ts" preserve="true" />
/**
 * `distri/base`: the shapes of a plugin.
 *
 * A plugin module's default export is a {@link DistriPlugin}. There is nothing
 * to install: `distri build` has this module built in.
 */

export {
  callAgent,
  CallError,
  callTool,
  getSessionValue,
  setSessionValue,
  type CallAgentOptions,
  type CallToolOptions,
} from "./workflow.ts";
export * from "./original.ts";
export * from "./plugin.ts";
