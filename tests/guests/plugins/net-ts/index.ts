/**
 * The guest of the network's tests, over wasi:http 0.3. `net-rust` is the same
 * over 0.2: what they take and answer is described there.
 */
import { createTool } from "distri/base";
import client from "wasi:http/client@0.3.0";
import types from "wasi:http/types@0.3.0";

declare const wit: any;

interface Input {
  url: string;
  method?: string;
  headers?: { [name: string]: string };
  upload?: number;
  unfinished?: boolean;
  count?: number;
  at_once?: boolean;
  follow?: boolean;
  abandon?: boolean;
  leave?: boolean;
  linger_ms?: number;
  connect_ms?: number;
  byte_ms?: number;
}

const METHODS = ["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"];
const CHUNK = new Uint8Array(64 * 1024).fill(97);

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const text = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

let calls = 0;
const left: unknown[] = [];

async function fill(writable: any, size: number, unfinished: boolean) {
  for (let rest = size; rest > 0; rest -= CHUNK.length) {
    const piece = rest < CHUNK.length ? CHUNK.subarray(0, rest) : CHUNK;
    if ((await writable.writeAll(piece)) < piece.length) break;
  }
  if (!unfinished) writable.drop();
}

async function exchange(input: Input): Promise<any> {
  const [, scheme, authority, path] = /^(\w+):\/\/([^/]*)(.*)$/.exec(input.url)!;
  const fields = new types.Fields();
  for (const [name, value] of Object.entries(input.headers ?? {})) fields.append(name, bytes(value));
  const trailers = wit.future("wasi:http/types@0.3.0#[static]request.new");
  const body = input.upload === undefined ? null : wit.stream("wasi:http/types@0.3.0#[static]request.new");
  const options = new types.RequestOptions();
  if (input.connect_ms) options.setConnectTimeout(input.connect_ms * 1e6);
  if (input.byte_ms) {
    options.setFirstByteTimeout(input.byte_ms * 1e6);
    options.setBetweenBytesTimeout(input.byte_ms * 1e6);
  }
  const [request] = types.Request.new(fields, body?.readable ?? null, trailers.readable, options);
  const method = input.method ?? "get";
  request.setMethod(METHODS.includes(method) ? { tag: method } : { tag: "other", val: method });
  request.setScheme({ tag: scheme.toUpperCase() });
  request.setAuthority(authority);
  request.setPathWithQuery(path || "/");
  const filled = body && fill(body.writable, input.upload!, input.unfinished === true);
  if (!input.unfinished) trailers.writable.write({ tag: "ok", val: null });
  const sent = client.send(request);
  if (input.abandon) {
    left.push(sent);
    return {};
  }
  const response = await sent;
  await filled;

  const status = response.getStatusCode();
  const headers: { [name: string]: string } = {};
  for (const [name, value] of response.getHeaders().copyAll()) headers[name] = text(value);
  if (input.leave) {
    left.push(response);
    if (input.linger_ms) await new Promise((resolve) => setTimeout(resolve, input.linger_ms));
    return { status };
  }
  const done = wit.future("wasi:http/types@0.3.0#[static]response.consume-body");
  done.writable.write({ tag: "ok" });
  const [stream, end] = types.Response.consumeBody(response, done.readable);
  let size = 0;
  let start = "";
  for await (const chunk of stream) {
    if (size < 4096) start += text(chunk.subarray(0, 4096 - size));
    size += chunk.length;
  }
  const ended = await end.read();
  if (ended.tag === "err") throw ended.val;
  return { status, headers, bytes: size, text: start };
}

async function outcome(input: Input): Promise<any> {
  try {
    let got = await exchange(input);
    for (let hops = 0; input.follow && got.headers.location && hops < 5; hops++) {
      got = await exchange({ ...input, url: got.headers.location });
    }
    return got;
  } catch (error: any) {
    // What an import throws carries the error of WIT: a code, or nothing where a
    // part of the request was not taken.
    if (!("payload" in error) && error.tag === undefined) throw error;
    const { tag, val } = (error.tag ? error : error.payload) ?? { tag: "HTTP-request-URI-invalid" };
    return { error: { code: tag, text: typeof val === "string" ? val : null } };
  }
}

export default {
  tools: [
    createTool({
      name: "exchange",
      execute: async (input: Input) => {
        const count = input.count ?? 1;
        let outcomes: any[] = [];
        if (input.at_once) {
          outcomes = await Promise.all(Array.from({ length: count }, () => outcome(input)));
        } else {
          for (let i = 0; i < count; i++) outcomes.push(await outcome(input));
        }
        return { calls: ++calls, outcomes };
      },
    }),
  ],
};
