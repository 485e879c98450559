import { fixture, is, rejects, throws } from "./check.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function headers() {
  const some = new Headers({ "X-B": " 1\t", a: "2" });
  some.append("x-b", "3");
  some.append("Set-Cookie", "c=1");
  some.append("set-cookie", "d=2");
  is("sorted", [...some], [["a", "2"], ["set-cookie", "c=1"], ["set-cookie", "d=2"], ["x-b", "1, 3"]]);
  is("get", [some.get("X-b"), some.get("none"), some.get("set-cookie"), some.has("A")], ["1, 3", null, "c=1, d=2", true]);
  is("cookies", some.getSetCookie(), ["c=1", "d=2"]);
  some.set("x-b", "4");
  some.delete("a");
  some.delete("none");
  is("set", [[...some.keys()], [...some.values()]], [["set-cookie", "set-cookie", "x-b"], ["c=1", "d=2", "4"]]);
  is("others", new Headers(some).getSetCookie(), ["c=1", "d=2"]);
  is("pairs", [...new Headers([["a", "1"], ["A", "2"]])], [["a", "1, 2"]]);
  is("nothing", [...new Headers()], []);
  const seen: unknown[] = [];
  new Headers({ a: "1" }).forEach((value, name, all) => seen.push(value, name, all instanceof Headers));
  is("forEach", seen, ["1", "a", true]);
  for (const name of ["", "a b", "a:", "é", "a\n"]) throws(`name ${name}`, "TypeError", () => new Headers([[name, "1"]]));
  for (const value of ["a\nb", "a\0", "€"]) throws(`value ${value}`, "TypeError", () => new Headers([["a", value]]));
  is("bytes", new Headers([["a", "é"]]).get("a"), "é");
  throws("not pairs", "TypeError", () => new Headers([["a"]] as any));
  throws("null", "TypeError", () => new Headers(null as any));
  const growing = new Headers({ b: "1" });
  const names = [];
  for (const [name] of growing) {
    names.push(name);
    if (names.length === 1) growing.append("c", "2");
  }
  is("while it changes", names, ["b", "c"]);
}

async function requests() {
  const request = new Request("http://a.example/x?y#z", {
    method: "post",
    body: "héllo",
    headers: { "x-a": "1", "content-type": "text/x" },
  });
  is("parts", [request.method, request.url, request.headers.get("x-a"), request.headers.get("content-type")], [
    "POST",
    "http://a.example/x?y#z",
    "1",
    "text/x",
  ]);
  is("defaults", [request.redirect, request.signal.aborted, request.bodyUsed], ["follow", false, false]);
  const clone = request.clone();
  is("text", [await request.text(), request.bodyUsed], ["héllo", true]);
  is("clone", [await clone.text(), clone.method, clone.url], ["héllo", "POST", "http://a.example/x?y#z"]);
  throws("read before", "TypeError", () => request.clone());
  const types: [NonNullable<RequestInit["body"]>, string | null][] = [
    ["x", "text/plain;charset=UTF-8"],
    [new URLSearchParams({ a: "b" }), "application/x-www-form-urlencoded;charset=UTF-8"],
    [new Uint8Array(1), null],
    [new Uint8Array(1).buffer, null],
  ];
  for (const [body, type] of types) {
    is("type", new Request("http://a.example", { method: "PUT", body }).headers.get("content-type"), type);
  }
  is("methods", ["get", "Patch", "x-y", "OPTIONS"].map((method) => new Request("http://a.example", { method }).method), [
    "GET",
    "Patch",
    "x-y",
    "OPTIONS",
  ]);
  for (const method of ["", "a b", "connect", "TRACE", "track"]) {
    throws(method, "TypeError", () => new Request("http://a.example", { method }));
  }
  throws("no URL", "TypeError", () => new Request("/x"));
  throws("a password", "TypeError", () => new Request("http://u:p@a.example"));
  throws("a body of GET", "TypeError", () => new Request("http://a.example", { body: "x" }));
  throws("a redirect", "TypeError", () => new Request("http://a.example", { redirect: "x" as any }));
  const stream = () => new ReadableStream({ start: (controller) => controller.close() });
  throws("a stream", "TypeError", () => new Request("http://a.example", { method: "POST", body: stream() }));
  is("duplex", new Request("http://a.example", { method: "POST", body: stream(), duplex: "half" }).bodyUsed, false);

  const first = new Request("http://a.example", { method: "POST", body: "x", headers: { a: "1" } });
  const second = new Request(first, { headers: { b: "2" } });
  is("from another", [second.method, second.headers.get("a"), second.headers.get("b"), await second.text()], ["POST", null, "2", "x"]);
  is("its body", first.bodyUsed, true);
  throws("used", "TypeError", () => new Request(first));
  is("but with one of its own", await new Request(first, { body: "y" }).text(), "y");
  const controller = new AbortController();
  const { signal } = new Request("http://a.example", { signal: controller.signal });
  controller.abort("why");
  is("signal", [signal.aborted, signal.reason], [true, "why"]);
  throws("no signal", "TypeError", () => new Request("http://a.example", { signal: {} as any }));
}

async function responses() {
  const response = new Response("x", { status: 201, statusText: "Made", headers: { a: "1" } });
  is("parts", [response.status, response.ok, response.statusText, response.type, response.url, response.redirected], [
    201,
    true,
    "Made",
    "default",
    "",
    false,
  ]);
  is("headers", [...response.headers], [["a", "1"], ["content-type", "text/plain;charset=UTF-8"]]);
  is("not ok", new Response(null, { status: 404 }).ok, false);
  for (const status of [199, 600, NaN]) throws(`${status}`, "RangeError", () => new Response("", { status }));
  throws("a body of 204", "TypeError", () => new Response("x", { status: 204 }));
  is("null", [new Response().body, await new Response(null, { status: 204 }).text()], [null, ""]);
  is("error", [Response.error().type, Response.error().status], ["error", 0]);
  const redirect = Response.redirect("http://a.example/x", 307);
  is("redirect", [redirect.status, redirect.headers.get("location")], [307, "http://a.example/x"]);
  throws("not one", "RangeError", () => Response.redirect("http://a.example", 200));
  const json = Response.json({ a: [1] }, { status: 202 });
  is("json", [json.status, json.headers.get("content-type"), await json.json()], [202, "application/json", { a: [1] }]);
  throws("no json", "TypeError", () => Response.json(undefined));
  await rejects("not json", "SyntaxError", () => new Response("{").json());
  is("bytes", [...new Uint8Array(await new Response("é").arrayBuffer())], [0xc3, 0xa9]);
  is("bytes", [...(await new Response(new Uint8Array([1, 2, 3]).subarray(1)).bytes())], [2, 3]);
  is("a mark", await new Response("\ufeffx").text(), "x");
  const marked = new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]);
  const inPieces = () => new ReadableStream({
    start(controller) {
      for (const piece of [[0xef], [], [0xbb], [0xbf, 0x7b], [0x7d]]) controller.enqueue(new Uint8Array(piece));
      controller.close();
    },
  });
  is("a mark before JSON", [await new Response(marked).json(), await new Response(inPieces()).json()], [{}, {}]);
  is("a mark in pieces", await new Response(inPieces()).text(), "{}");
  is("only the first", (await new Response("\ufeff\ufeffx").text()).length, 2);
  is("only at the beginning", (await new Response("x\ufeff").text()).length, 2);
  is("kept in bytes", [(await new Response(marked).arrayBuffer()).byteLength, (await new Response(inPieces()).bytes()).length], [5, 5]);
  const request = () => new Request("http://a.example", { method: "POST", body: marked });
  is("of a request", [await request().text(), await request().json(), (await request().arrayBuffer()).byteLength], ["{}", {}, 5]);
  is("of a clone", await new Response(inPieces()).clone().text(), "{}");
  let decoded = "";
  for await (const piece of new Response(inPieces()).body!.pipeThrough(new TextDecoderStream())) decoded += piece;
  is("through a pipe", decoded, "{}");
  is("nothing told", [new Response(null, null).status, new Request("http://a.example", null).method], [200, "GET"]);
  is("what shows", [Object.keys(new Response("x")), JSON.stringify(new Response("x"))], [[], "{}"]);
  await rejects("twice", "TypeError", async () => {
    const once = new Response("x");
    await once.text();
    await once.text();
  });
}

async function bodies() {
  const chunks = (...texts: string[]) =>
    new ReadableStream({
      start(controller) {
        for (const chunk of texts) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
  is("a stream", await new Response(chunks('{"a":', "1}")).json(), { a: 1 });
  const own = chunks("x");
  const response = new Response(own);
  is("itself", response.body === own, true);
  const reader = response.body!.getReader();
  is("locked", [response.bodyUsed, response.body!.locked], [false, true]);
  await rejects("locked", "TypeError", () => response.text());
  is("read", text((await reader.read()).value!), "x");
  is("used", response.bodyUsed, true);
  throws("a used one", "TypeError", () => new Response(own));
  await rejects("not bytes", "TypeError", () =>
    new Response(new ReadableStream({ start: (controller) => controller.enqueue("text") })).text(),
  );
  await rejects("its own error", "RangeError", () =>
    new Response(new ReadableStream({ pull: (controller) => controller.error(new RangeError("x")) })).text(),
  );

  const made = new Response("a text");
  is("the same stream", made.body === made.body, true);
  let all = "";
  for await (const chunk of made.body!) all += text(chunk);
  is("iterated", [all, made.bodyUsed], ["a text", true]);
  const read = new Response("x");
  await read.text();
  is("afterwards", [read.bodyUsed, read.body!.locked], [true, true]);
  const cancelled = new Response("x");
  await cancelled.body!.cancel();
  is("cancelled", cancelled.bodyUsed, true);

  const byob = new Response("bytes").body!.getReader({ mode: "byob" });
  const { value } = await byob.read(new Uint8Array(3));
  is("into a buffer", text(value!), "byt");

  const original = new Response(chunks("one", "two"));
  const copy = original.clone();
  is("clones", [await original.text(), await copy.text()], ["onetwo", "onetwo"]);
  async function* lines() {
    yield new TextEncoder().encode("a");
    yield new TextEncoder().encode("b");
  }
  is("an iterable", await new Response(lines()).text(), "ab");
}

export default fixture(async () => {
  headers();
  await requests();
  await responses();
  await bodies();
});
