import path, { basename, dirname, extname, isAbsolute, join, normalize, parse, relative, resolve } from "node:path";
import { fixture, is, throws } from "./check.ts";

const PATHS = [
  "", ".", "..", "/", "//", "/a", "a", "a/", "/a/", "a/b", "/a/b.txt", "a/b.tar.gz", "./a", "../a", "a/../b", "a/./b", "a//b",
  "/..", "/../a", "a/..", "a/../", "./", ".hidden", "a/.hidden.txt", "a.", "..a", "a..b", "/a/b/../../../c", "//a//b//",
];

/** What Node says of each: normalized, folder, name, extension. */
const EXPECTED: [string, string, string, string][] = [
  [".", ".", "", ""],
  [".", ".", ".", ""],
  ["..", ".", "..", ""],
  ["/", "/", "", ""],
  ["/", "/", "", ""],
  ["/a", "/", "a", ""],
  ["a", ".", "a", ""],
  ["a/", ".", "a", ""],
  ["/a/", "/", "a", ""],
  ["a/b", "a", "b", ""],
  ["/a/b.txt", "/a", "b.txt", ".txt"],
  ["a/b.tar.gz", "a", "b.tar.gz", ".gz"],
  ["a", ".", "a", ""],
  ["../a", "..", "a", ""],
  ["b", "a/..", "b", ""],
  ["a/b", "a/.", "b", ""],
  ["a/b", "a/", "b", ""],
  ["/", "/", "..", ""],
  ["/a", "/..", "a", ""],
  [".", "a", "..", ""],
  ["./", "a", "..", ""],
  ["./", ".", ".", ""],
  [".hidden", ".", ".hidden", ""],
  ["a/.hidden.txt", "a", ".hidden.txt", ".txt"],
  ["a.", ".", "a.", "."],
  ["..a", ".", "..a", ".a"],
  ["a..b", ".", "a..b", ".b"],
  ["/c", "/a/b/../../..", "c", ""],
  ["/a/b/", "//a/", "b", ""],
];

export default fixture(() => {
  PATHS.forEach((given, at) => {
    is(given, [normalize(given), dirname(given), basename(given), extname(given)], EXPECTED[at]);
  });
  is("join", [join(), join("a", "", "/b", "../c"), join("", ""), join("/a", "..", "..")], [".", "a/c", ".", "/"]);
  is("resolve", [resolve("/a", "b", "../c"), resolve("/a", "/b"), resolve("/"), resolve("/a/..", "b/")], ["/a/c", "/b", "/", "/b"]);
  is("relative", [relative("/a/b/c", "/a/d"), relative("/a", "/a"), relative("/", "/a/b"), relative("/a/b", "/")], [
    "../../d",
    "",
    "a/b",
    "../..",
  ]);
  is("absolute", [isAbsolute("/a"), isAbsolute("a"), isAbsolute("")], [true, false, false]);
  is("basename", [basename("/a/b.txt", ".txt"), basename("/.txt", ".txt"), basename(".txt", ".txt")], ["b", ".txt", ""]);
  is("parse", parse("/home/a/b.txt"), { root: "/", dir: "/home/a", base: "b.txt", ext: ".txt", name: "b" });
  is("parse", [parse("a"), parse("/"), parse("./a/b")], [
    { root: "", dir: "", base: "a", ext: "", name: "a" },
    { root: "/", dir: "/", base: "", ext: "", name: "" },
    { root: "", dir: "./a", base: "b", ext: "", name: "b" },
  ]);
  is("format", [path.format({ dir: "/a", base: "b.c" }), path.format({ root: "/", name: "b", ext: ".c" })], ["/a/b.c", "/b.c"]);
  is("posix", path.posix.sep + path.delimiter, "/:");
  throws("no text", "TypeError", () => join(1 as any));
});
