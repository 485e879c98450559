"""The reference plugin in Python, for the async track (0.3).

tests/conformance/README.md says what each of its items does.
"""

import asyncio
import inspect
import json
import os
import sys
import time

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import host, types

calls = 0


class Failure(Exception):
    """Becomes the answer's error."""


async def outcome(work):
    """What the host gave, as `{"ok": ...}` or `{"err": ...}`."""
    try:
        return {"ok": await work}
    except Err as error:
        told = error.value
        detail = None if told.detail is None else json.loads(told.detail)
        return {"err": {"kind": told.kind, "message": told.message, "hint": told.hint, "detail": detail}}


async def call_tool(call):
    async def ask():
        return json.loads(await host.call_tool(call["name"], json.dumps(call.get("input"))))

    return await outcome(ask())


async def call_agent(call):
    options = json.dumps(call["options"]) if "options" in call else ""
    return await outcome(host.call_agent(call["name"], call["task"], options))


async def get_session_value(key):
    value = await host.get_session_value(key)
    return None if value is None else json.loads(value)


def context_of(call, context):
    return {
        "id": call.id,
        "name": call.name,
        "call_id": context.call_id,
        "agent_id": context.agent_id,
        "session_id": context.session_id,
        "task_id": context.task_id,
        "run_id": context.run_id,
        "user_id": context.user_id,
        "params": json.loads(context.params),
        "secrets": dict(context.secrets),
        "deadline_ms": context.deadline_ms,
        "idempotency_key": context.idempotency_key,
        "metadata": dict(context.metadata),
    }


def fail(message):
    raise Failure(message)


def count():
    global calls
    calls += 1
    return calls


def spin():
    while True:
        pass


def hoard():
    kept = []
    while True:
        kept.append(bytearray(b"x" * 1_000_000))


TOOLS = {
    "echo": lambda input, call, context: input,
    "context": lambda input, call, context: context_of(call, context),
    "fail": lambda input, call, context: fail(input["message"]),
    "repeat": lambda input, call, context: input["text"] * input["count"],
    "bytes": lambda input, call, context: len(input["text"].encode()),
    "call_tool": lambda input, call, context: call_tool(input),
    "call_tools": lambda input, call, context: asyncio.gather(*map(call_tool, input["calls"])),
    "call_agent": lambda input, call, context: call_agent(input),
    "call_agents": lambda input, call, context: asyncio.gather(*map(call_agent, input["calls"])),
    "get_session_value": lambda input, call, context: outcome(get_session_value(input["key"])),
    "set_session_value": lambda input, call, context: outcome(
        host.set_session_value(input["key"], json.dumps(input["value"]))
    ),
    "log": lambda input, call, context: host.log(types.LogLevel[input["level"].upper()], input["message"]),
    "print": lambda input, call, context: print(input["text"], file=sys.stdout, flush=True),
    "count": lambda input, call, context: count(),
    "random": lambda input, call, context: os.urandom(8).hex(),
    "now": lambda input, call, context: int(time.time() * 1000),
    "spin": lambda input, call, context: spin(),
    "hoard": lambda input, call, context: hoard(),
    "trap": lambda input, call, context: os._exit(1),
}

WORKFLOWS = {name: TOOLS[name] for name in ("echo", "context", "fail", "call_tool")}


def describe(items):
    return json.dumps(
        [
            {"name": name, "description": f"Reference item `{name}`", "version": "1.0.0", "parameters": {"type": "object"}}
            for name in items
        ]
    )


async def execute(items, call, context, answer):
    if call.name not in items:
        return answer("null", f"there is no `{call.name}`")
    try:
        value = items[call.name](json.loads(call.input), call, context)
        if inspect.isawaitable(value):
            value = await value
        return answer(json.dumps(value), None)
    except Failure as failure:
        return answer("null", str(failure))


class Tool(exports.Tool):
    def get_tool_info(self) -> str:
        return describe(TOOLS)

    async def execute_tool(self, call: types.ToolCall, context: types.ExecutionContext) -> types.ToolResult:
        return await execute(TOOLS, call, context, types.ToolResult)


class Workflow(exports.Workflow):
    def get_workflow_info(self) -> str:
        return describe(WORKFLOWS)

    async def execute_workflow(self, call: types.WorkflowCall, context: types.ExecutionContext) -> types.WorkflowResult:
        return await execute(WORKFLOWS, call, context, types.WorkflowResult)
