import { fixture, is, throws } from "./check.ts";

const bytes = (...values: number[]) => new Uint8Array(values);
// At a module's top level, as most programs have theirs.
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const early = decoder.decode(encoder.encode("früh"));

function encoding() {
  is("utf-8", [...encoder.encode("aé€\u{1f600}")], [97, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80]);
  is("nothing", [encoder.encode().length, encoder.encode("").length, encoder.encoding], [0, 0, "utf-8"]);
  is("half a character", [...encoder.encode("a\ud800b\udc00")], [97, 0xef, 0xbf, 0xbd, 98, 0xef, 0xbf, 0xbd]);
  const into = (text: string, room: number) => {
    const target = new Uint8Array(room);
    const { read, written } = encoder.encodeInto(text, target);
    return [read, written, [...target.subarray(0, written)]];
  };
  is("fits", into("aé", 5), [2, 3, [97, 0xc3, 0xa9]]);
  is("does not fit", into("aé", 2), [1, 1, [97]]);
  is("a pair", into("\u{1f600}x", 4), [2, 4, [0xf0, 0x9f, 0x98, 0x80]]);
  is("not half a pair", into("\u{1f600}x", 3), [0, 0, []]);
  is("after others", into("ab€\u{1f600}", 8), [3, 5, [97, 98, 0xe2, 0x82, 0xac]]);
  is("half a character", into("\ud800a", 4), [2, 4, [0xef, 0xbf, 0xbd, 97]]);
  is("nowhere", into("a", 0), [0, 0, []]);
}

function decoding() {
  is("at the top level", early, "früh");
  is("utf-8", decoder.decode(encoder.encode("aé€\u{1f600}")), "aé€\u{1f600}");
  is("nothing", [decoder.decode(), decoder.decode(bytes())], ["", ""]);
  is("attributes", [decoder.encoding, decoder.fatal, decoder.ignoreBOM], ["utf-8", false, false]);
  is("views", decoder.decode(new DataView(bytes(1, 97, 98, 2).buffer, 1, 2)), "ab");
  is("buffers", decoder.decode(bytes(97, 98).buffer), "ab");
  is("malformed", decoder.decode(bytes(97, 0xff, 0xc3, 98, 0xe2, 0x82)), "a\ufffd\ufffdb\ufffd");
  is("overlong", decoder.decode(bytes(0xc0, 0x80)), "\ufffd\ufffd");
  is("a surrogate", decoder.decode(bytes(0xed, 0xa0, 0x80)), "\ufffd\ufffd\ufffd");
  is("a mark", decoder.decode(bytes(0xef, 0xbb, 0xbf, 97)), "a");
  is("a mark, kept", new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes(0xef, 0xbb, 0xbf, 97)), "\ufeffa");
  const fatal = new TextDecoder("utf-8", { fatal: true });
  throws("fatal", "TypeError", () => fatal.decode(bytes(97, 0xff)));
  throws("fatal at the end", "TypeError", () => fatal.decode(bytes(0xc3)));
  is("fatal afterwards", fatal.decode(bytes(97)), "a");
  for (const [label, name] of [
    ["UTF8", "utf-8"],
    [" utf-8\n", "utf-8"],
    ["latin1", "windows-1252"],
    ["ascii", "windows-1252"],
    ["utf-16", "utf-16le"],
    ["sjis", "shift_jis"],
    ["gb2312", "gbk"],
    ["koi8-r", "koi8-r"],
  ] as const) {
    is(label, new TextDecoder(label).encoding, name);
  }
  throws("no encoding", "RangeError", () => new TextDecoder("nope"));
  throws("no encoding", "RangeError", () => new TextDecoder("replacement"));
  is("windows-1252", new TextDecoder("latin1").decode(bytes(0xe9, 0x80)), "é€");
  is("utf-16", new TextDecoder("utf-16le").decode(bytes(0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0, 0xde)), "a\u{1f600}");
  is("utf-16be", new TextDecoder("utf-16be").decode(bytes(0, 0x61)), "a");
  is("shift_jis", new TextDecoder("shift_jis").decode(bytes(0x83, 0x65, 0x83, 0x58)), "テス");
  is("gbk", new TextDecoder("gbk").decode(bytes(0xc4, 0xe3)), "你");
}

function inPieces() {
  const whole = encoder.encode("\ufeffaé€\u{1f600}");
  const streaming = new TextDecoder();
  let text = "";
  for (const byte of whole) text += streaming.decode(bytes(byte), { stream: true });
  is("one by one", text + streaming.decode(), "aé€\u{1f600}");
  is("half a character", streaming.decode(bytes(0xe2, 0x82), { stream: true }), "");
  is("its end", streaming.decode(), "\ufffd");
  is("the next one", streaming.decode(bytes(0xef, 0xbb, 0xbf, 97)), "a");
  const fatal = new TextDecoder("utf-8", { fatal: true });
  is("fatal, so far", fatal.decode(bytes(0xe2), { stream: true }), "");
  throws("fatal", "TypeError", () => fatal.decode(bytes(97), { stream: true }));
  // More than crosses to the host at once, with a pair at every border.
  for (const shift of [0, 1, 2, 3]) {
    const long = "x".repeat(shift) + "\u{1f600}".repeat(200_000);
    const encoded = encoder.encode(long);
    is(`long ${shift}`, encoded.length, shift + 800_000);
    is(`long ${shift}`, decoder.decode(encoded) === long, true);
    const target = new Uint8Array(encoded.length - 1);
    is(`long ${shift}`, encoder.encodeInto(long, target), { read: long.length - 2, written: encoded.length - 4 });
  }
}

export default fixture(() => {
  encoding();
  decoding();
  inPieces();
});
