/** Values as text for logs, as consoles show them. */

/** How deep what is in something else is shown. */
const DEPTH = 3;
/** How many of the entries of something are shown. */
const ENTRIES = 100;

/** By this a value says how it is shown, in Node too. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

/** A value on its own: text as it is. */
export function show(value: unknown): string {
  return typeof value === "string" ? value : inspect(value);
}

/** The arguments of a console's method, with the first one's directives followed. */
export function format(values: readonly unknown[]): string {
  const [first, ...rest] = values;
  if (typeof first !== "string" || rest.length === 0) return values.map(show).join(" ");
  const text = first.replace(/%([sdifjoOc%])/g, (whole, directive: string) => {
    if (directive === "%") return "%";
    if (rest.length === 0) return whole;
    const value = rest.shift();
    if (directive === "c") return "";
    if (directive === "s") return show(value);
    if (directive === "j") return json(value);
    if (directive === "o" || directive === "O") return inspect(value);
    if (typeof value === "symbol") return "NaN";
    if (typeof value === "bigint") return `${value}n`;
    if (directive === "f") return String(parseFloat(String(value)));
    return String(directive === "d" && typeof value !== "object" ? Number(value) : parseInt(String(value), 10));
  });
  return [text, ...rest.map(show)].join(" ");
}

function json(value: unknown): string {
  try {
    return String(JSON.stringify(value));
  } catch {
    return "[Circular]";
  }
}

/** A value as a program would write it, more or less, on one line. */
export function inspect(value: unknown, depth = 0, above: readonly object[] = []): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return `[${/^class\b/.test(String(value)) ? "class" : "function"} ${value.name || "(anonymous)"}]`;
    case "object":
      return value === null ? "null" : inspectObject(value, depth, above);
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

function inspectObject(value: object, depth: number, above: readonly object[]): string {
  if (above.includes(value)) return "[Circular]";
  const inner = (item: unknown) => inspect(item, depth + 1, [...above, value]);
  if (value instanceof Error) return inspectError(value, inner);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Promise) return "Promise {}";
  if (value instanceof Number || value instanceof Boolean || value instanceof String) return inspect(value.valueOf());
  const custom = (value as { [INSPECT]?: unknown })[INSPECT];
  const view: unknown = typeof custom === "function" ? custom.call(value, DEPTH - depth, {}, inspect) : value;
  if (typeof view !== "object" || view === null) return show(view);
  const name = nameOf(value);
  const prefix = name === "Object" || name === "Array" ? "" : `${name} `;
  if (depth >= DEPTH) return `[${name}]`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer { byteLength: ${value.byteLength} }`;
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    const items = value as unknown as readonly unknown[];
    const shown = Array.from({ length: Math.min(items.length, ENTRIES) }, (_, at) => inner(items[at]));
    return wrap(ArrayBuffer.isView(value) ? `${name}(${items.length}) ` : prefix, "[", shown, items.length, "]");
  }
  if (value instanceof Map) {
    const pairs = [...take(value)].map(([key, item]) => `${inner(key)} => ${inner(item)}`);
    return wrap(`${prefix.trim()}(${value.size}) `, "{", pairs, value.size, "}");
  }
  if (value instanceof Set) {
    return wrap(`${prefix.trim()}(${value.size}) `, "{", [...take(value)].map(inner), value.size, "}");
  }
  // What the platform's own classes hold is behind accessors: their text says more.
  const keys = Object.keys(view);
  const own = Object.getPrototypeOf(value)?.toString;
  if (keys.length === 0 && view === value && typeof own === "function" && own !== Object.prototype.toString) {
    return `${name} ${inspect(String(value))}`;
  }
  const shown = keys.slice(0, ENTRIES).map((key) => {
    const property = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
    return `${property}: ${inner((view as Record<string, unknown>)[key])}`;
  });
  return wrap(prefix, "{", shown, keys.length, "}");
}

function* take<T>(items: Iterable<T>): Iterable<T> {
  let left = ENTRIES;
  for (const item of items) {
    if (left-- === 0) return;
    yield item;
  }
}

function nameOf(value: object): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null) return "[Object: null prototype]";
  return typeof prototype.constructor === "function" && prototype.constructor.name ? prototype.constructor.name : "Object";
}

function wrap(prefix: string, open: string, shown: string[], length: number, close: string): string {
  if (length > shown.length) shown.push(`… ${length - shown.length} more`);
  if (shown.length === 0) return `${prefix}${open}${close}`;
  const space = open === "{" ? " " : "";
  return `${prefix}${open}${space}${shown.join(", ")}${space}${close}`;
}

/** With what programs put on it, as Node shows it. */
function inspectError(error: Error, inner: (value: unknown) => string): string {
  const text = error.stack ? `${error}\n${error.stack.trimEnd()}` : String(error);
  const own = Object.entries(error).filter(([key, value]) => !["name", "message", "stack", "cause"].includes(key) && value !== undefined);
  const shown = own.map(([key, value]) => `${key}: ${inner(value)}`);
  if (error instanceof AggregateError) shown.push(`[errors]: ${inner(error.errors)}`);
  if (error.cause !== undefined) shown.push(`[cause]: ${inner(error.cause)}`);
  return shown.length > 0 ? `${text} ${wrap("", "{", shown, shown.length, "}")}` : text;
}
