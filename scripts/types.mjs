// Writes the SDK's types as one file, which `distri new` puts beside a plugin's code:
//   node scripts/types.mjs node_modules/typescript > cli/templates/distri.d.ts
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const typescript = process.argv[2];
if (!typescript) throw new Error("usage: node scripts/types.mjs FOLDER_OF_TYPESCRIPT");
const sdk = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../guest-sdk-ts");
const read = (path) => readFileSync(join(sdk, path), "utf8");

/** The modules that plugins import, by their names in the SDK. */
const PUBLIC = { base: "distri/base", sql: "distri/sql", workflow: "distri/workflow" };
/** Those whose types these need. */
const NEEDED = { error: "distri/error", original: "distri/original", plugin: "distri/plugin" };
/** What else is imported, and where its types are then. */
const OTHERS = { "./web.js": "distri/web", "web-streams-polyfill": "distri/streams" };

function declarations() {
  const folder = mkdtempSync(join(tmpdir(), "distri-types-"));
  try {
    const project = join(folder, "tsconfig.json");
    const compilerOptions = {
      noEmit: false, declaration: true, emitDeclarationOnly: true, isolatedModules: false,
      module: "AMD", moduleResolution: "Node10", rootDir: join(sdk, "src"), outFile: join(folder, "all.js"),
    };
    const sources = [...Object.keys(PUBLIC).map((name) => `src/${name}.ts`), "src/runtime/imports.d.ts"];
    const files = sources.map((source) => join(sdk, source));
    writeFileSync(project, JSON.stringify({ extends: join(sdk, "tsconfig.json"), compilerOptions, files, include: [] }));
    execFileSync("node", [join(typescript, "bin/tsc"), "-p", project], { stdio: ["ignore", 2, 2] });
    return readFileSync(join(folder, "all.d.ts"), "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An import's or a module's name as it is in the one file. */
const renamed = (text, names) =>
  Object.entries(names).reduce(
    (text, [from, to]) => text.replaceAll(`from "${from}"`, `from "${to}"`).replaceAll(`import("${from}")`, `import("${to}")`).replaceAll(`declare module "${from}"`, `declare module "${to}"`),
    text,
  );

const indented = (text) => text.trim().split("\n").map((line) => (line ? `    ${line}` : line)).join("\n");
/** A file of declarations as a module in another. */
const wrapped = (name, text) => `declare module "${name}" {\n${indented(text.replaceAll(/^(export )?declare /gm, "$1"))}\n}\n`;

const names = { ...PUBLIC, ...NEEDED, ...OTHERS };
const modules = declarations().split(/^(?=declare module )/m).slice(1);
const wanted = modules.filter((module) => /^declare module "([^"]+)"/.exec(module)[1] in names);
const streams = read("node_modules/web-streams-polyfill/types/ponyfill.d.ts").replaceAll(/\/\*\*[^]*?\*\/|^\/\/\/.*$/gm, "").replaceAll(/\n\s*\n/g, "\n");
const own = (path) => renamed(read(path), names);

process.stdout.write(
  [
    "// The types of Distri's plugins, as `distri new` writes them: for editors and `tsc`.\n",
    ...wanted.map((module) => renamed(module, names)),
    'declare module "https://distri.dev/base.ts" {\n    export * from "distri/base";\n}\n',
    wrapped("distri/web", own("src/platform/web.d.ts")),
    "// From web-streams-polyfill, under the MIT license.\n",
    wrapped("distri/streams", streams),
    own("src/platform/globals.d.ts"),
    own("src/platform/node.d.ts"),
  ].join("\n"),
);
