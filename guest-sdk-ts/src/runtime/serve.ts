/**
 * Turns a plugin module into the exports that a plugin's world asks for:
 * finds its tools and workflows, describes them, calls them, and turns whatever
 * they throw into an answer.
 */
import "./clock.ts";
import "./random.ts";
import "./number.ts";
import "./locale/index.ts";
import { PARSED, type DistriPlugin, type ExecutionContext, type StandardSchema } from "../plugin.ts";
import { CallError } from "../error.ts";
import { environment, log } from "#host";
import { fromJson, toJson } from "./json.ts";
import { end, enter } from "./phase.ts";
import { stackOf } from "./thrown.ts";

/** A tool or workflow, whatever form it was written in. */
interface Item {
  name: string;
  description?: string;
  version?: string;
  parameters?: unknown;
  returns?: unknown;
  getParameters?(): unknown;
  execute?(input: unknown, context: ExecutionContext): unknown;
  examples?: unknown;
  [PARSED]?: boolean;
}

/** The records of `distri:plugin/types`, as the engine passes them. */
interface Call {
  id: string;
  name: string;
  input: string;
}
interface GuestContext {
  callId: string;
  agentId: string | null;
  sessionId: string | null;
  taskId: string | null;
  runId: string | null;
  userId: string | null;
  params: string;
  secrets: [string, string][];
  deadlineMs: number | null;
  idempotencyKey: string | null;
  metadata: [string, string][];
}
interface Answer {
  result: string;
  error: string | null;
}

/** The module's default export, or the module itself where it has none. */
export function serve(module: { default?: unknown }) {
  const plugin = module.default;
  if (!plugin || typeof plugin !== "object") {
    throw new TypeError("the plugin has no default export: write `export default { tools: [...], workflows: [...] }`");
  }
  const { tools, workflows, integrations } = plugin as DistriPlugin;
  const parsed = integrations !== undefined;
  const toolTable = collect("tool", tools, false);
  for (const integration of integrations ?? []) {
    collect("tool", integration.tools, true, toolTable, integration.name);
  }
  const workflowTable = collect("workflow", workflows, parsed);
  return {
    tool: {
      getToolInfo: () => describe(toolTable),
      executeTool: (call: Call, context: GuestContext) => run(toolTable, "tool", call, context),
    },
    workflow: {
      getWorkflowInfo: () => describe(workflowTable),
      executeWorkflow: (call: Call, context: GuestContext) => run(workflowTable, "workflow", call, context),
    },
  };
}

/** What `execute` is called with: the call as it is, or its parsed input. */
interface Entry {
  item: Item;
  parsed: boolean;
  /** Other names, for a tool of an integration. */
  aliases: string[] | undefined;
}

function collect(
  kind: string,
  items: unknown,
  parsed: boolean,
  table = new Map<string, Entry>(),
  integration?: string,
): Map<string, Entry> {
  const pairs: [string | undefined, Item][] = Array.isArray(items)
    ? items.map((item) => [undefined, item])
    : Object.entries((items ?? {}) as Record<string, Item>);
  for (const [key, item] of pairs) {
    const name = item?.name ?? key;
    if (!name) throw new TypeError(`a ${kind} has no name`);
    if (typeof item.execute !== "function") throw new TypeError(`the ${kind} \`${name}\` has no execute()`);
    if (table.has(name)) throw new TypeError(`there are two ${kind}s named \`${name}\``);
    const aliases = integration === undefined ? undefined : [`${integration}.${name}`, `${integration}_${name}`];
    table.set(name, { item, parsed: parsed || item[PARSED] === true, aliases });
  }
  return table;
}

function describe(table: Map<string, Entry>): string {
  enter("description");
  const items = [...table].map(([name, { item, aliases }]) => ({
    name,
    description: item.description ?? "",
    version: item.version,
    parameters: jsonSchema(item.getParameters?.() ?? item.parameters ?? { type: "object" }, "input"),
    returns: item.returns === undefined ? undefined : jsonSchema(item.returns, "output"),
    aliases,
    examples: item.examples,
  }));
  return toJson(items, "items");
}

/** The schema as JSON Schema, whatever it was written with. */
function jsonSchema(schema: unknown, side: "input" | "output"): unknown {
  if (!isStandard(schema)) return schema;
  const converter = schema["~standard"].jsonSchema;
  if (!converter) {
    throw new TypeError(
      `the schemas of ${schema["~standard"].vendor} in this version have no JSON Schema: write it out`,
    );
  }
  const { $schema: _, ...rest } = converter[side]({ target: "draft-2020-12" });
  return rest;
}

/** The input as a tool gets it: parsed, and what a Standard Schema makes of it. */
async function parse(text: string, schema: unknown): Promise<unknown> {
  const value = inputOf(text);
  if (!isStandard(schema)) return value;
  const outcome = await schema["~standard"].validate(value);
  if (!outcome.issues) return outcome.value;
  const issues = outcome.issues.map(({ message, path = [] }) => {
    const keys = path.map((part) => (typeof part === "object" ? part.key : part)).map(String);
    return keys.length ? `${keys.join(".")}: ${message}` : message;
  });
  throw new TypeError(`the input does not fit: ${issues.join("; ")}`);
}

const inputOf = (text: string): unknown => fromJson(text, "input", "pass it as a text");

/** A plugin that parses its input itself is told what it then gets wrong. */
function warnOfLoss(call: Call): Call {
  try {
    inputOf(call.input);
  } catch (error) {
    // What is no JSON at all is the plugin's to say.
    if (error instanceof RangeError) log("warn", error.message);
  }
  return call;
}

const isStandard = (schema: unknown): schema is StandardSchema =>
  (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;

async function run(table: Map<string, Entry>, kind: string, call: Call, guest: GuestContext): Promise<Answer> {
  enter("call");
  try {
    const entry = table.get(call.name);
    if (!entry) throw new Error(`there is no ${kind} \`${call.name}\``);
    const input = entry.parsed ? await parse(call.input, entry.item.parameters) : warnOfLoss(call);
    const value = await entry.item.execute!(input, contextOf(guest));
    return { result: toJson(value ?? null, "result"), error: null };
  } catch (thrown) {
    return { result: told(thrown), error: summary(thrown).toWellFormed() };
  } finally {
    end();
  }
}

function contextOf(guest: GuestContext): ExecutionContext {
  const ids = {
    agentId: guest.agentId ?? undefined,
    sessionId: guest.sessionId ?? undefined,
    taskId: guest.taskId ?? undefined,
    runId: guest.runId ?? undefined,
    userId: guest.userId ?? undefined,
    deadlineMs: guest.deadlineMs ?? undefined,
    idempotencyKey: guest.idempotencyKey ?? undefined,
  };
  return {
    callId: guest.callId,
    call_id: guest.callId,
    ...ids,
    agent_id: ids.agentId,
    session_id: ids.sessionId,
    task_id: ids.taskId,
    run_id: ids.runId,
    user_id: ids.userId,
    deadline_ms: ids.deadlineMs,
    idempotency_key: ids.idempotencyKey,
    params: JSON.parse(guest.params),
    secrets: Object.fromEntries(guest.secrets),
    // Few plugins look: the host is asked by those that do.
    get env_vars() {
      return environment();
    },
    metadata: Object.fromEntries(guest.metadata),
  };
}

/** One line for people. */
function summary(thrown: unknown): string {
  // What another plugin failed with says so itself, however many pass it on.
  if (thrown instanceof CallError && thrown.kind === "guest-error") return thrown.message;
  if (thrown instanceof Error) {
    const text = thrown.name === "Error" ? thrown.message || "Error" : `${thrown.name}: ${thrown.message}`;
    return thrown.cause instanceof Error ? `${text} (${thrown.cause.message})` : text;
  }
  return typeof thrown === "string" ? thrown : text(thrown);
}

/** What a machine can use: name, message, stack, what the platform's errors say besides, and causes, at most eight deep. */
function details(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return { name: "thrown", message: summary(thrown), stack: stackOf(thrown) };
  const { name, message, stack, kind, code, syscall, path, hint, detail } = thrown as Error & { [part: string]: unknown };
  const isOwn = thrown.cause === undefined || thrown.cause === thrown;
  const cause = isOwn || depth >= 8 ? undefined : details(thrown.cause, depth + 1);
  // Each may have several in turn: of those no more.
  const several = thrown instanceof AggregateError && depth < 4 ? (thrown.errors as unknown[]).slice(0, 8) : undefined;
  const errors = several?.map((error) => details(error, depth + 4));
  return { name, message, stack, kind, code, syscall, path, hint, detail, cause, errors };
}

/** The details as JSON; those that have none stay behind. */
function told(thrown: unknown): string {
  try {
    return JSON.stringify(details(thrown));
  } catch {
    const { name, message, stack } = thrown as Error;
    return JSON.stringify({ name, message, stack });
  }
}

function text(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
