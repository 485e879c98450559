import { DistriPlugin, Tool, ToolCall } from "distri/base";

/** What every tool here takes. */
const textSchema = {
  type: "object",
  properties: { text: { type: "string", description: "The text" } },
  required: ["text"],
};

function textOf(call: ToolCall): string {
  const { text } = JSON.parse(call.input);
  if (typeof text !== "string") throw new TypeError("`text` must be a string");
  return text;
}

class Slugify implements Tool {
  name = "slugify";
  description = "Makes a text fit for a URL";
  version = "0.1.0";

  async execute(call: ToolCall) {
    const slug = textOf(call)
      .normalize("NFKD")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "");
    return { slug };
  }

  getParameters() {
    return textSchema;
  }
}

class WordCount implements Tool {
  name = "word_count";
  description = "Counts the words and characters of a text";
  version = "0.1.0";

  async execute(call: ToolCall) {
    const text = textOf(call);
    const words = text.match(/\S+/g)?.length ?? 0;
    return { words, characters: [...text].length };
  }

  getParameters() {
    return textSchema;
  }
}

const plugin: DistriPlugin = { tools: [new Slugify(), new WordCount()], workflows: [] };

export default plugin;
