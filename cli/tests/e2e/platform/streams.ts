import { fixture, is, rejects } from "./check.ts";

async function pulled() {
  const log: string[] = [];
  let count = 0;
  const stream = new ReadableStream<number>(
    {
      pull(controller) {
        log.push(`pull ${count}`);
        controller.enqueue(count++);
      },
      cancel(reason) {
        log.push(`cancel ${reason}`);
      },
    },
    { highWaterMark: 0 },
  );
  const reader = stream.getReader();
  is("nothing unasked", log, []);
  is("values", [(await reader.read()).value, (await reader.read()).value], [0, 1]);
  is("one by one", log, ["pull 0", "pull 1"]);
  await reader.cancel("enough");
  is("cancelled", [log.at(-1), (await reader.read()).done], ["cancel enough", true]);
  await rejects("locked", "TypeError", async () => stream.getReader());
}

/** A writer waits for its reader. */
async function piped() {
  const taken: number[] = [];
  let running = 0;
  let most = 0;
  const slow = new WritableStream<number>({
    async write(value) {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      taken.push(value);
      running -= 1;
    },
  });
  const doubled = new TransformStream<number, number>({
    transform: (value, controller) => controller.enqueue(value * 2),
  });
  let made = 0;
  let ahead = 0;
  const source = new ReadableStream<number>({
    pull(controller) {
      if (made === 20) return controller.close();
      controller.enqueue(made++);
      ahead = Math.max(ahead, made - taken.length);
    },
  });
  await source.pipeThrough(doubled).pipeTo(slow);
  is("all", taken, Array.from({ length: 20 }, (_, at) => at * 2));
  is("one at a time", most, 1);
  is("not far ahead", ahead < 8, true);
}

async function shared() {
  const [one, two] = ReadableStream.from([1, 2, 3]).tee();
  const all = [];
  for await (const value of one) all.push(value);
  for await (const value of two) all.push(value);
  is("tee", all, [1, 2, 3, 1, 2, 3]);
  const controller = new AbortController();
  const endless = new ReadableStream({ pull: (it) => new Promise<void>((go) => setTimeout(() => (it.enqueue(1), go()), 1)) });
  const piping = endless.pipeTo(new WritableStream(), { signal: controller.signal });
  setTimeout(() => controller.abort(), 5);
  await rejects("aborted", "AbortError", () => piping);
}

/** As answers of language models are read. */
async function texts() {
  const bytes = new TextEncoder().encode("héllo 😀");
  const pieces = Array.from(bytes, (_, at) => bytes.slice(at, at + 1));
  const decoded = ReadableStream.from(pieces).pipeThrough(new TextDecoderStream());
  const all = [];
  for await (const text of decoded) all.push(text);
  is("decoded", [all.join(""), all.length], ["héllo 😀", 7]);
  const cut = ReadableStream.from([bytes.slice(0, 2)]).pipeThrough(new TextDecoderStream());
  is("cut off", (await new Array(1).fill(cut.getReader())[0].read()).value, "h");
  const strict = ReadableStream.from([new Uint8Array([0xff])]).pipeThrough(new TextDecoderStream("utf-8", { fatal: true }));
  await rejects("malformed", "TypeError", () => strict.getReader().read());
  const wide = new TextDecoderStream("utf-16le");
  is("encodings", [wide.encoding, wide.fatal, new TextEncoderStream().encoding, String(wide)], [
    "utf-16le",
    false,
    "utf-8",
    "[object TextDecoderStream]",
  ]);
  const encoded = ReadableStream.from(["a", "\ud83d", "", "\ude00", "\ud83d"]).pipeThrough(new TextEncoderStream());
  is("encoded", new TextDecoder().decode(await new Response(encoded).arrayBuffer()), "a😀\ufffd");
}

export default fixture(async () => {
  await texts();
  await pulled();
  await piped();
  await shared();
});
