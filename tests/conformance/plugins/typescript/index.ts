/**
 * The reference plugin in TypeScript, for both engines: `distri build` makes it
 * with QuickJS for the async track, `jco` with StarlingMonkey for the sync one.
 *
 * tests/conformance/README.md says what each of its items does.
 */
import { createTool, type ExecutionContext } from "distri/base";
import { callAgent, callTool, CallError, getSessionValue, setSessionValue } from "distri/workflow";

let calls = 0;

interface Call {
  name: string;
  input?: unknown;
}

interface Task {
  name: string;
  task: string;
  options?: { [key: string]: unknown };
}

/** What the host gave, as `{ ok }` or `{ err }`. */
async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return { ok: (await work()) ?? null };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    const { kind, message, hint = null, detail = null } = error;
    return { err: { kind, message, hint, detail } };
  }
}

const tool = ({ name, input }: Call) => outcome(() => callTool(name, input));

const agent = ({ name, task, options }: Task) => outcome(() => callAgent({ agent_name: name, task, options }));

function contextOf(context: ExecutionContext) {
  return {
    id: context.call_id,
    call_id: context.callId,
    agent_id: context.agent_id ?? null,
    session_id: context.session_id ?? null,
    task_id: context.task_id ?? null,
    run_id: context.run_id ?? null,
    user_id: context.user_id ?? null,
    params: context.params,
    secrets: context.secrets,
    deadline_ms: context.deadline_ms ?? null,
    idempotency_key: context.idempotency_key ?? null,
    metadata: context.metadata,
  };
}

function fail(message: string): never {
  throw new Error(message);
}

function hoard(): never {
  const kept: Uint8Array[] = [];
  for (;;) kept.push(new Uint8Array(1_000_000).fill(120));
}

function spin(): never {
  for (;;);
}

/** The length of a text as UTF-8. */
function bytes(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

const levels: { [level: string]: (message: string) => void } = {
  trace: (message) => console.trace(message),
  debug: (message) => console.debug(message),
  info: (message) => console.info(message),
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
};

type Run = (input: any, context: ExecutionContext) => unknown;

const runs: { [name: string]: Run } = {
  echo: (input) => input,
  context: (_, context) => contextOf(context),
  fail: ({ message }) => fail(message),
  repeat: ({ text, count }) => text.repeat(count),
  bytes: ({ text }) => bytes(text),
  call_tool: tool,
  call_tools: (input: { calls: Call[] }) => Promise.all(input.calls.map(tool)),
  call_agent: agent,
  call_agents: (input: { calls: Task[] }) => Promise.all(input.calls.map(agent)),
  // An absent value throws in TypeScript, as in the original; elsewhere it is null.
  get_session_value: ({ key }) => outcome(() => getSessionValue(key)),
  set_session_value: ({ key, value }) => outcome(() => setSessionValue(key, value)),
  log: ({ level, message }) => levels[level]!(message),
  count: () => (calls += 1),
  random: () => Math.random(),
  now: () => Date.now(),
  spin,
  hoard,
};

const item = (name: string) =>
  createTool({
    name,
    description: `Reference item \`${name}\``,
    version: "1.0.0",
    parameters: { type: "object" },
    execute: runs[name]!,
  });

export default {
  tools: Object.keys(runs).map(item),
  workflows: ["echo", "context", "fail", "call_tool"].map(item),
};
