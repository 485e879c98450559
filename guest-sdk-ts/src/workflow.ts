/**
 * `distri/workflow`: what a plugin may ask of the host while it runs.
 *
 * Each of these waits without holding anything up: several asked together, as
 * with `Promise.all`, are under way at the same time.
 */
import * as host from "#host";
import { ask, CallError } from "./error.ts";
import { fromJson, toJson } from "./runtime/json.ts";
import { askedAt, assertRunning, standing } from "./runtime/phase.ts";

export { CallError };

/** The object form of a {@link callTool}. */
export interface CallToolOptions {
  tool_name: string;
  input?: unknown;
  package_name?: string;
  /** The integration that the tool is of. */
  integration?: string;
  session_id?: string;
  context?: unknown;
}

/** The object form of a {@link callAgent}. */
export interface CallAgentOptions {
  agent_name: string;
  task: string;
  /** What the host program takes besides the task. */
  options?: { [key: string]: unknown };
  session_id?: string;
  context?: unknown;
}

/**
 * Calls a tool and gives its value. The name is `package/tool`, or, where it is
 * unambiguous, `tool`.
 *
 * @throws {CallError} of the kind `guest-error` when the tool throws.
 */
export async function callTool<Result = any>(tool: string, input?: unknown, context?: unknown): Promise<Result>;
export async function callTool<Result = any>(options: CallToolOptions): Promise<Result>;
export async function callTool(tool: string | CallToolOptions, input?: unknown): Promise<unknown> {
  assertRunning("callTool");
  let name: string;
  if (typeof tool === "string") {
    name = tool;
  } else {
    assertNamed("callTool", "tool", tool?.tool_name, tool);
    const own = tool.integration ? `${tool.integration}.${tool.tool_name}` : tool.tool_name;
    name = tool.package_name ? `${tool.package_name}/${own}` : own;
    input = tool.input;
  }
  const json = toJson(input ?? {}, "input");
  const result = await ask(() => host.callTool(name, json));
  return unwrap(fromJson(result, "result", `let \`${name}\` give it as a text`));
}

/** Gives a task to an agent and waits for its final text. */
export async function callAgent(agent: string, task: string, context?: unknown): Promise<string>;
export async function callAgent(options: CallAgentOptions): Promise<string>;
export async function callAgent(agent: string | CallAgentOptions, task?: string): Promise<string> {
  assertRunning("callAgent");
  if (typeof agent === "string") return ask(() => host.callAgent(agent, task ?? "", ""));
  assertNamed("callAgent", "agent", agent?.agent_name, agent);
  const options = agent.options === undefined ? "" : toJson(agent.options, "options");
  return ask(() => host.callAgent(agent.agent_name, agent.task, options));
}

/**
 * Reads a value of the call's session.
 *
 * @throws {CallError} of the kind `not-found` when it is absent.
 */
export async function getSessionValue<Value = any>(key: string | { key: string; session_id?: string }): Promise<Value> {
  assertRunning("getSessionValue");
  const name = typeof key === "string" ? key : key.key;
  const stack = standing();
  const json = await ask(() => host.getSessionValue(name));
  if (json === null || json === undefined) {
    throw askedAt(new CallError(`the session has no value \`${name}\``, "not-found"), stack);
  }
  return fromJson(json, name, "write it as a text");
}

/** Writes a value of the call's session. */
export async function setSessionValue(key: string, value: unknown): Promise<void>;
export async function setSessionValue(options: { key: string; value: unknown; session_id?: string }): Promise<void>;
export async function setSessionValue(key: string | { key: string; value: unknown }, value?: unknown): Promise<void> {
  assertRunning("setSessionValue");
  const name = typeof key === "string" ? key : key.key;
  const json = toJson((typeof key === "string" ? value : key.value) ?? null, "value");
  await ask(() => host.setSessionValue(name, json));
}

/** Throws where what is to be called has no name. */
function assertNamed(what: string, kind: "tool" | "agent", name: unknown, given: unknown): void {
  if (typeof name === "string") return;
  const came = typeof given === "object" && given !== null ? `an object whose \`${kind}_name\` is ${name}` : String(given);
  throw new TypeError(`${what}: the ${kind} is ${came}; give its name, or an object with \`${kind}_name\``);
}

/** Gives the data of a value that is a single data part. */
function unwrap(value: unknown): unknown {
  if (Array.isArray(value) && value.length === 1 && value[0]?.part_type === "data") {
    return value[0].data;
  }
  return value;
}
