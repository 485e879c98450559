import { fixture, is, throws } from "./check.ts";

/** Input, base, and the address that they make; none for what is not one. */
const ADDRESSES: [string, string | undefined, string | null][] = [
  ["http://EXAMPLE.com:80/a/../b?q#f", undefined, "http://example.com/b?q#f"],
  ["https://example.com:443", undefined, "https://example.com/"],
  ["https://example.com:8443/", undefined, "https://example.com:8443/"],
  ["  http://example.com\t/a\nb  ", undefined, "http://example.com/ab"],
  ["http:\\\\example.com\\a", undefined, "http://example.com/a"],
  ["http://user:pass word@example.com/", undefined, "http://user:pass%20word@example.com/"],
  ["http://bücher.example/ü?ü#ü", undefined, "http://xn--bcher-kva.example/%C3%BC?%C3%BC#%C3%BC"],
  ["http://0x7f.1/", undefined, "http://127.0.0.1/"],
  ["http://2130706433/", undefined, "http://127.0.0.1/"],
  ["http://[::1]:8080/", undefined, "http://[::1]:8080/"],
  ["http://[1:0:0:0:0:0:0:1]", undefined, "http://[1::1]/"],
  ["http://example.com/%7Ea/%2e%2E/b", undefined, "http://example.com/b"],
  ["http://example.com/a b?c d#e f", undefined, "http://example.com/a%20b?c%20d#e%20f"],
  ["mailto:a@b.example", undefined, "mailto:a@b.example"],
  ["data:text/plain,Hello World#x", undefined, "data:text/plain,Hello World#x"],
  ["javascript:alert(1)", undefined, "javascript:alert(1)"],
  ["file:///a/../b", undefined, "file:///b"],
  ["file://host/a", undefined, "file://host/a"],
  ["../x?y", "http://example.com/a/b/c", "http://example.com/a/x?y"],
  ["//other.example/x", "https://example.com/a", "https://other.example/x"],
  ["/x", "http://example.com/a?b#c", "http://example.com/x"],
  ["?x", "http://example.com/a?b#c", "http://example.com/a?x"],
  ["#x", "http://example.com/a?b#c", "http://example.com/a?b#x"],
  ["", "http://example.com/a?b#c", "http://example.com/a?b"],
  ["http:x", "http://example.com/a/b", "http://example.com/a/x"],
  ["x", "mailto:a@b", null],
  ["x", undefined, null],
  ["", undefined, null],
  ["http://", undefined, null],
  ["http://a b/", undefined, null],
  ["http://example.com:99999/", undefined, null],
  ["http://[::1", undefined, null],
  ["http://%00.example/", undefined, null],
  ["http://256.256.256.256/", undefined, null],
  ["//x", "nope", null],
];

function parsing() {
  for (const [input, base, expected] of ADDRESSES) {
    const what = `${input} at ${base}`;
    is(what, URL.canParse(input, base), expected !== null);
    is(what, URL.parse(input, base)?.href ?? null, expected);
    if (expected === null) throws(what, "TypeError", () => new URL(input, base));
    else is(what, new URL(input, base).href, expected);
  }
  const { origin, protocol, username, password, host, hostname, port, pathname, search, hash } = new URL(
    "http://u:p@example.com:8080/a/b?c=d#e",
  );
  is("parts", [origin, protocol, username, password, host, hostname, port, pathname, search, hash], [
    "http://example.com:8080",
    "http:",
    "u",
    "p",
    "example.com:8080",
    "example.com",
    "8080",
    "/a/b",
    "?c=d",
    "#e",
  ]);
  is("an opaque origin", new URL("data:,x").origin, "null");
  is("as JSON", JSON.stringify({ url: new URL("http://a.example") }), '{"url":"http://a.example/"}');
  is("of a URL", new URL(new URL("http://a.example/b"), "http://c.example").href, "http://a.example/b");
  is("half a character", new URL("http://a.example/\ud800").href, "http://a.example/%EF%BF%BD");
  is("its name", Object.prototype.toString.call(new URL("http://a.example")), "[object URL]");
}

type Settable = "href" | "protocol" | "username" | "password" | "host" | "hostname" | "port" | "pathname" | "search" | "hash";

/** A part, the value it is set to, and what becomes of `http://u:p@example.com:8080/a?b#c`. */
const SET: [Settable, string, string][] = [
  ["protocol", "https", "https://u:p@example.com:8080/a?b#c"],
  ["protocol", "mailto", "http://u:p@example.com:8080/a?b#c"],
  ["username", "ü x", "http://%C3%BC%20x:p@example.com:8080/a?b#c"],
  ["password", "", "http://u@example.com:8080/a?b#c"],
  ["host", "other.example:81", "http://u:p@other.example:81/a?b#c"],
  ["host", "a b", "http://u:p@example.com:8080/a?b#c"],
  ["hostname", "other.example", "http://u:p@other.example:8080/a?b#c"],
  ["hostname", "", "http://u:p@example.com:8080/a?b#c"],
  ["port", "80", "http://u:p@example.com/a?b#c"],
  ["port", "81x", "http://u:p@example.com:81/a?b#c"],
  ["port", "x", "http://u:p@example.com:8080/a?b#c"],
  ["port", "", "http://u:p@example.com/a?b#c"],
  ["pathname", "x y/../z", "http://u:p@example.com:8080/z?b#c"],
  ["pathname", "?#", "http://u:p@example.com:8080/%3F%23?b#c"],
  ["search", "x=ü", "http://u:p@example.com:8080/a?x=%C3%BC#c"],
  ["search", "", "http://u:p@example.com:8080/a#c"],
  ["hash", "#x", "http://u:p@example.com:8080/a?b#x"],
  ["hash", "", "http://u:p@example.com:8080/a?b"],
  ["href", "http://new.example", "http://new.example/"],
];

function setting() {
  for (const [part, value, expected] of SET) {
    const url = new URL("http://u:p@example.com:8080/a?b#c");
    url[part] = value;
    is(`${part} = ${value}`, url.href, expected);
  }
  const url = new URL("http://example.com/");
  throws("href", "TypeError", () => {
    url.href = "nope";
  });
  is("href", url.href, "http://example.com/");
}

function linked() {
  const url = new URL("http://example.com/?a=1&b=2");
  const { searchParams } = url;
  is("the same", url.searchParams === searchParams, true);
  searchParams.append("c", "x y&z");
  is("append", url.href, "http://example.com/?a=1&b=2&c=x+y%26z");
  searchParams.delete("a");
  is("delete", url.search, "?b=2&c=x+y%26z");
  url.search = "?d=4";
  is("search", [...searchParams], [["d", "4"]]);
  url.href = "http://example.com/?e=5";
  is("href", searchParams.get("e"), "5");
  searchParams.delete("e");
  is("none", url.href, "http://example.com/");
  url.hash = "h";
  searchParams.set("f", "6");
  is("hash", url.href, "http://example.com/?f=6#h");
}

function params() {
  const texts: [string, [string, string][], string][] = [
    ["a=1&b=2", [["a", "1"], ["b", "2"]], "a=1&b=2"],
    ["?a=1", [["a", "1"]], "a=1"],
    ["a&=b&&c=", [["a", ""], ["", "b"], ["c", ""]], "a=&=b&c="],
    ["a=b=c", [["a", "b=c"]], "a=b%3Dc"],
    ["a+b=c%20d", [["a b", "c d"]], "a+b=c+d"],
    ["a=%zz%4&b=%C3%BC", [["a", "%zz%4"], ["b", "ü"]], "a=%25zz%254&b=%C3%BC"],
    ["a=%ff%C3", [["a", "��"]], "a=%EF%BF%BD%EF%BF%BD"],
    ["a=%EF%BB%BFx", [["a", "\ufeffx"]], "a=%EF%BB%BFx"],
    ["", [], ""],
  ];
  for (const [query, pairs, written] of texts) {
    is(query, [...new URLSearchParams(query)], pairs);
    is(query, String(new URLSearchParams(query)), written);
  }
  is("written", String(new URLSearchParams([["!'()*-._~", "ü€\u{1f600}"]])), "%21%27%28%29*-._%7E=%C3%BC%E2%82%AC%F0%9F%98%80");
  is("half a character", String(new URLSearchParams({ a: "\ud800" })), "a=%EF%BF%BD");
  is("an object", [...new URLSearchParams({ a: "1", b: "2" })], [["a", "1"], ["b", "2"]]);
  is("others", [...new URLSearchParams(new URLSearchParams("a=1&a=2"))], [["a", "1"], ["a", "2"]]);
  is("a map", [...new URLSearchParams([...new Map([["a", "1"]])])], [["a", "1"]]);
  throws("not pairs", "TypeError", () => new URLSearchParams([["a"]] as any));
  const some = new URLSearchParams("b=1&a=2&b=3&c=4");
  is("get", [some.get("b"), some.get("x"), some.getAll("b"), some.has("b"), some.has("b", "2"), some.size], [
    "1",
    null,
    ["1", "3"],
    true,
    false,
    4,
  ]);
  some.set("b", "x");
  is("set", String(some), "b=x&a=2&c=4");
  some.append("a", "1");
  some.sort();
  is("sort", String(some), "a=2&a=1&b=x&c=4");
  some.delete("a", "2");
  is("delete", String(some), "a=1&b=x&c=4");
  const seen: unknown[] = [];
  some.forEach((value, name) => seen.push([name, value]));
  is("forEach", seen, [...some.entries()]);
  is("keys", [[...some.keys()], [...some.values()]], [["a", "b", "c"], ["1", "x", "4"]]);
  const sorted = new URLSearchParams("ﬃ=1&\u{1f308}=2&z=3");
  sorted.sort();
  is("by code units", [...sorted.keys()], ["z", "\u{1f308}", "ﬃ"]);
}

function many() {
  const url = new URL("http://a.example/?x=1#y");
  const { searchParams } = url;
  const own = new URLSearchParams();
  for (let at = 0; at < 5000; at++) {
    searchParams.append("a", String(at));
    own.append("a", String(at));
  }
  is("appended", [url.href.length, own.size, searchParams.size], [url.search.length + 19, 5000, 5001]);
  url.search = "?b=2";
  is("replaced", [searchParams.get("b"), searchParams.size], ["2", 1]);
  searchParams.delete("b");
  is("none", url.href, "http://a.example/#y");
  searchParams.set("c", "3");
  url.hash = "z";
  is("both", url.href, "http://a.example/?c=3#z");
}

export default fixture(() => {
  many();
  parsing();
  setting();
  linked();
  params();
});
