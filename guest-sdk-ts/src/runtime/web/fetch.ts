/** `fetch` by the Fetch standard, as servers have it: no cookies, cache or origins. */
import type * as web from "../../platform/web.js";
import { askedAt, assertRunning, standing } from "../phase.ts";
import type { Body } from "./body.ts";
import { define } from "./define.ts";
import { pairsOf } from "./headers.ts";
import { send, type Answer } from "./http.ts";
import { partsOf, Request } from "./request.ts";
import { arrived, isBodiless, type Response } from "./response.ts";
import { URL } from "./url.ts";

/** More redirects than this are taken for a circle. */
const REDIRECTS = 20;

/** What is said of a body, and goes with it. */
const OF_BODIES = ["content-encoding", "content-language", "content-length", "content-location", "content-type"];
/** What is meant for one server alone. */
const OF_SERVERS = ["authorization", "cookie", "host", "proxy-authorization"];

type Pairs = readonly (readonly [string, string])[];

export function fetch(input: web.RequestInfo, init?: web.RequestInit | null): Promise<Response> {
  // Not as a rejection, which nobody might look at.
  assertRunning("fetch");
  const stack = standing();
  return (async () => follow(new Request(input, init)))().catch((error: unknown) => {
    throw askedAt(error, stack);
  });
}

/** A fault by which no answer comes. */
const failed = (why: string) => new TypeError("fetch failed", { cause: new Error(why) });

async function follow(request: Request): Promise<Response> {
  let { url, body } = partsOf(request);
  let { method } = request;
  let headers: Pairs = pairsOf(request.headers);
  for (let redirects = 0; ; redirects++) {
    if (!/^https?:$/.test(url.protocol)) throw failed(`the scheme ${url.protocol} is not supported`);
    const answer = await send({ method, url, headers: completed(headers, method, body), body }, request.signal);
    const target = locationOf(answer, url);
    if (!target || request.redirect === "manual") return response(answer, method, url, redirects > 0);
    answer.incoming.cancel();
    if (request.redirect === "error") throw failed("the answer is a redirect");
    if (redirects === REDIRECTS) throw failed("there are too many redirects");
    const { status } = answer;
    if (status !== 303 && body && !body.repeatable) {
      throw failed("the answer is a redirect, and the body was a stream: it cannot be sent again");
    }
    if (status === 303 ? !/^(GET|HEAD)$/.test(method) : status < 303 && method === "POST") {
      method = "GET";
      body = undefined;
      headers = without(headers, OF_BODIES);
    }
    if (target.origin !== url.origin) headers = without(headers, OF_SERVERS);
    body = body?.again();
    url = target;
  }
}

const without = (headers: Pairs, names: string[]) => headers.filter(([name]) => !names.includes(name));

/** The headers with those that every request has. */
function completed(headers: Pairs, method: string, body: Body | undefined): Pairs {
  const given = new Set(headers.map(([name]) => name));
  const more: [string, string][] = [];
  if (!given.has("accept")) more.push(["accept", "*/*"]);
  if (!given.has("user-agent")) more.push(["user-agent", "distri"]);
  // The length of a stream is its sender's to know. That there is no body at all says
  // the method, or a length of nothing.
  const length = body ? body.length : /^(GET|HEAD)$/.test(method) ? undefined : 0;
  if (length !== undefined) more.push(["content-length", String(length)]);
  const isStream = body && length === undefined;
  return [...(isStream ? headers : without(headers, ["content-length"])), ...more];
}

/** Where a redirect leads; none when the answer is not one. */
function locationOf({ status, headers, incoming }: Answer, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const location = headers.find(([name]) => name.toLowerCase() === "location")?.[1];
  if (location === undefined) return undefined;
  // Bytes, most often of UTF-8.
  const escaped = location.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  const target = URL.parse(escaped, from);
  if (!target) {
    incoming.cancel();
    throw failed("the answer is a redirect to what is not a URL");
  }
  if (target.hash === "") target.hash = from.hash;
  return target;
}

function response({ status, headers, incoming }: Answer, method: string, url: URL, redirected: boolean): Response {
  const empty = method === "HEAD" || isBodiless(status);
  if (empty) incoming.cancel();
  // Asked for by nobody. What it is would be taken for text or JSON.
  const encodings = headers.filter(([name]) => name.toLowerCase() === "content-encoding").map(([, value]) => value);
  const encoding = encodings.join(", ");
  if (!empty && encoding !== "" && encoding.toLowerCase() !== "identity") {
    incoming.cancel();
    throw failed(`the answer is encoded with \`${encoding}\`, which was not asked for and cannot be undone`);
  }
  const [address] = url.href.split("#", 1);
  return arrived({ url: address!, redirected, status, headers, incoming: empty ? undefined : incoming });
}

define({ fetch });
