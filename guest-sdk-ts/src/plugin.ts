/**
 * What a plugin's module is made of: its tools and workflows, what they are called with,
 * and what makes them.
 */

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON Schema. */
export type JsonSchema = { [key: string]: unknown };

/**
 * A schema of any library that follows https://standardschema.dev, like Zod. To
 * describe a tool it needs that page's JSON Schema extension, which Zod has from
 * 4.2 on.
 */
export interface StandardSchema<Output = any> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: "draft-2020-12" }) => { [key: string]: unknown };
      readonly output: (options: { readonly target: "draft-2020-12" }) => { [key: string]: unknown };
    };
  };
}

/** What validating gives: a value, or what is wrong with it. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

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
  /** The JSON Schema of what it gives, which the host checks too. */
  returns?: object;
}

/** A workflow: like a tool, and it may call tools and agents. */
export interface Workflow {
  name: string;
  description: string;
  version: string;
  execute(workflowCall: WorkflowCall, context: ExecutionContext): Promise<unknown> | unknown;
  getParameters?(): object;
  parameters?: object;
  returns?: object;
  /** What it is given and gives, for people and models. */
  examples?: { description?: string; input?: unknown; expected_output?: unknown }[];
}

/** A tool whose `execute` gets its input parsed; made by {@link createTool}. */
export interface ToolSpec<Params = any> {
  name: string;
  description?: string;
  version?: string;
  parameters?: object;
  /** The JSON Schema of what it gives, which the host checks too. */
  returns?: object;
  auth?: Auth;
  execute(params: Params, context: ExecutionContext): Promise<unknown> | unknown;
}

/** A workflow whose `execute` gets its input parsed; made by {@link createWorkflow}. */
export interface WorkflowSpec<Params = any> extends ToolSpec<Params> {
  /** What it is given and gives, for people and models. */
  examples?: { description?: string; input?: unknown; expected_output?: unknown }[];
}

/** How a service knows who calls. Recorded for whoever runs the agents; nothing here acts on it. */
export type Auth =
  | {
      type: "oauth2";
      provider: string;
      scopes?: string[];
      authorizationUrl?: string;
      tokenUrl?: string;
      refreshUrl?: string;
      sendRedirectUri?: boolean;
    }
  | {
      type: "secret";
      provider: string;
      fields?: { key: string; label?: string; description?: string; optional?: boolean }[];
    }
  /** The provider of an OAuth 2 login. */
  | string;

/**
 * A group of tools of one service; made by {@link createIntegration}. A tool of
 * it also answers to `integration.tool` and `integration_tool`.
 */
export interface Integration {
  name: string;
  description?: string;
  version?: string;
  tools: ToolSpec[] | { [name: string]: ToolSpec };
  /** For all its tools that have none of their own. */
  auth?: Auth;
  notifications?: unknown;
  metadata?: unknown;
  callbacks?: unknown;
}

/** A plugin module's default export. */
export interface DistriPlugin {
  tools?: (Tool | ToolSpec)[] | { [name: string]: Tool | ToolSpec };
  workflows?: (Workflow | WorkflowSpec)[] | { [name: string]: Workflow | WorkflowSpec };
  integrations?: Integration[];
}

/** Marks a tool whose `execute` gets its input parsed. */
export const PARSED = Symbol.for("distri.parsed-input");

/**
 * Makes a tool whose `execute` gets its input parsed. With a Standard Schema as
 * its `parameters` the input is checked, and has the schema's type.
 */
export function createTool<Output>(
  spec: Omit<ToolSpec<Output>, "parameters"> & { parameters: StandardSchema<Output> },
): ToolSpec<Output>;
export function createTool<Params = any>(spec: ToolSpec<Params>): ToolSpec<Params>;
export function createTool<Params = any>(spec: ToolSpec<Params>): ToolSpec<Params> {
  // Said here, where the author's line is known; the host refuses it in any case.
  if (typeof spec.name === "string" && (spec.name.length > 30 || !/^[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*$/.test(spec.name))) {
    throw new TypeError(
      `\`${spec.name}\` is not a valid tool or workflow name: it has letters, digits, and single \`-\` and \`_\` between them, at most 30`,
    );
  }
  return Object.assign(spec, { [PARSED]: true });
}

/** Makes a workflow whose `execute` gets its input parsed; like {@link createTool}. */
export function createWorkflow<Params = any>(spec: WorkflowSpec<Params>): WorkflowSpec<Params> {
  return Object.assign(spec, { [PARSED]: true });
}

/** Groups tools; each one's `execute` gets its input parsed. */
export function createIntegration(integration: Integration): Integration {
  return integration;
}
