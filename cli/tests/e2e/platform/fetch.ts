import { createTool } from "distri/base";

const tool = (name: string, execute: (input: any) => unknown) => createTool({ name, description: name, execute });

/** What a request was rejected with, by the parts that programs look at. */
async function outcome(act: () => Promise<unknown>): Promise<unknown> {
  try {
    return await act();
  } catch (error: any) {
    const { name, message, kind, hint, cause } = error;
    return { name, message, kind, hint, cause: cause?.message, code: cause?.code };
  }
}

/** Chunks of 64 KiB. */
function source(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      const length = Math.min(left, 64 << 10);
      left -= length;
      if (length > 0) controller.enqueue(new Uint8Array(length).fill(97));
      else controller.close();
    },
  });
}

/** The calls of this instance. */
let calls = 0;
const count = () => ++calls;

export default {
  tools: [
    tool("get", ({ url, ...init }) =>
      outcome(async () => {
        const response = await fetch(url, init);
        const { status, ok, redirected, type } = response;
        return { status, ok, redirected, type, url: response.url, text: await response.text(), used: response.bodyUsed };
      }),
    ),
    tool("count", async ({ url }) => {
      const response = await fetch(url);
      let bytes = 0;
      for await (const chunk of response.body!) bytes += chunk.length;
      return bytes;
    }),
    tool("whole", async ({ url }) => {
      const response = await fetch(url);
      const [bytes, text] = [await response.clone().bytes(), await response.text()];
      return [bytes.length, text.length];
    }),
    tool("upload", ({ url, bytes, breaks }) =>
      outcome(async () => {
        let body = source(bytes);
        if (breaks) {
          const whole = body;
          body = ReadableStream.from(
            (async function* () {
              yield* whole as AsyncIterable<Uint8Array>;
              throw new RangeError("the source broke");
            })(),
          );
        }
        return Number(await (await fetch(url, { method: "POST", body, duplex: "half" })).text());
      }),
    ),
    tool("bodies", async ({ url }) => {
      const text = new TextEncoder();
      async function* lines() {
        for (const line of ["one", "two", "three"]) yield text.encode(line);
      }
      const bodies = ["héllo", text.encode("bytes"), text.encode("buffer").buffer, new URLSearchParams({ a: "ü" }), lines(), ""];
      const answers = [];
      for (const body of bodies) {
        const init: RequestInit = { method: "POST", body };
        if (typeof body === "object" && Symbol.asyncIterator in body) init.duplex = "half";
        answers.push(Number(await (await fetch(url, init)).text()));
      }
      return answers;
    }),
    tool("together", async ({ url, count }) => {
      const start = performance.now();
      const texts = await Promise.all(Array.from({ length: count }, () => fetch(url).then((response) => response.text())));
      return [texts.filter((text) => text === "hello").length, performance.now() - start];
    }),
    tool("unread", async ({ url, count, how }) => {
      let ok = 0;
      for (let i = 0; i < count; i++) {
        const response = await fetch(url);
        if (how === "body") void response.body;
        if (how === "clone") response.clone();
        if (response.ok) ok += 1;
      }
      return ok;
    }),
    /** Ends a body in one of several ways, then waits. */
    tool("leave", async ({ url, how }) => {
      const controller = new AbortController();
      const response = await fetch(url, { signal: controller.signal });
      const reading = outcome(() => (how === "text" ? response.text() : how === "cancel" ? Promise.resolve() : read()));
      async function read() {
        for await (const _ of response.body!);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (how === "cancel") await response.body!.cancel();
      else controller.abort();
      const rejection = await reading;
      await new Promise((resolve) => setTimeout(resolve, 3000));
      return rejection ?? null;
    }),
    /** Aborts before there is an answer, then waits. */
    tool("withdraw", async ({ url, bytes, then }) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 200);
      const init: RequestInit = bytes ? { method: "POST", body: source(bytes), duplex: "half" } : {};
      const rejection: any = await outcome(() => fetch(url, { ...init, signal: controller.signal }));
      await new Promise((resolve) => setTimeout(resolve, then));
      return [count(), rejection.name];
    }),
    tool("timely", async ({ url }) => {
      await (await fetch(url, { signal: AbortSignal.timeout(30_000) })).text();
      return count();
    }),
    tool("impatient", ({ url }) => outcome(() => fetch(url, { signal: AbortSignal.timeout(50) }))),
  ],
};
