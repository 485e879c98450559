/**
 * `distri/base`: the shapes of a plugin.
 *
 * A plugin module's default export is a {@link DistriPlugin}. There is nothing
 * to install: `distri build` has this module built in.
 */

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON Schema. */
export type JsonSchema = { [key: string]: unknown };

/** A call of a tool or workflow. */
export interface ToolCall {
  /** Unique per call. */
  id: string;
  /** The name under which it was called. */
  name: string;
  /** The input, as JSON text. */
  input: string;
}

/** A call of a workflow. It has the same parts as a tool's. */
export type WorkflowCall = ToolCall;

/** What a call knows about itself and its caller. Each id has two spellings. */
export interface ExecutionContext {
  callId: string;
  call_id: string;
  agentId?: string;
  agent_id?: string;
  sessionId?: string;
  session_id?: string;
  taskId?: string;
  task_id?: string;
  runId?: string;
  run_id?: string;
  userId?: string;
  user_id?: string;
  /** Milliseconds that were left for the call when it started. */
  deadlineMs?: number;
  deadline_ms?: number;
  /** The same for every attempt at the same piece of work. */
  idempotencyKey?: string;
  idempotency_key?: string;
  /** Parameters of the host program's own. */
  params: { [key: string]: Json };
  /** The secrets that the manifest declares and the operator grants. */
  secrets: { [name: string]: string };
  /** The environment variables that the manifest declares and the operator grants. */
  env_vars: { [name: string]: string };
  /** Everything else, by name. */
  metadata: { [name: string]: string };
}

/** A tool. A class that implements it, or a plain object. */
export interface Tool {
  /** Letters, digits, `_` and `-`; unique in the package. */
  name: string;
  /** What it does, for people and models. */
  description: string;
  version: string;
  /** Does the work. What it returns becomes JSON; what it throws, the call's error. */
  execute(toolCall: ToolCall, context: ExecutionContext): Promise<unknown> | unknown;
  /** The JSON Schema of the input; or give `parameters`. */
  getParameters?(): object;
  /** The JSON Schema of the input. */
  parameters?: object;
}

/** A workflow: like a tool, and it may call tools and agents. */
export interface Workflow {
  name: string;
  description: string;
  version: string;
  execute(workflowCall: WorkflowCall, context: ExecutionContext): Promise<unknown> | unknown;
  getParameters?(): object;
  parameters?: object;
  /** What it is given and gives, for people and models. */
  examples?: { description?: string; input?: unknown; expected_output?: unknown }[];
}

/** A tool whose `execute` gets its input parsed; made by {@link createTool}. */
export interface ToolSpec<Params = any> {
  name: string;
  description?: string;
  version?: string;
  parameters?: object;
  execute(params: Params, context: ExecutionContext): Promise<unknown> | unknown;
}

/** A group of tools of one service; made by {@link createIntegration}. */
export interface Integration {
  name: string;
  description?: string;
  version?: string;
  tools: ToolSpec[] | { [name: string]: ToolSpec };
}

/** A plugin module's default export. */
export interface DistriPlugin {
  tools?: (Tool | ToolSpec)[] | { [name: string]: Tool | ToolSpec };
  workflows?: Workflow[] | { [name: string]: Workflow };
  integrations?: Integration[];
}

/** Marks a tool whose `execute` gets its input parsed. */
export const PARSED = Symbol.for("distri.parsed-input");

/** Makes a tool whose `execute` gets its input parsed. */
export function createTool<Params = any>(spec: ToolSpec<Params>): ToolSpec<Params> {
  return Object.assign(spec, { [PARSED]: true });
}

/** Groups tools; each one's `execute` gets its input parsed. */
export function createIntegration(integration: Integration): Integration {
  return integration;
}
