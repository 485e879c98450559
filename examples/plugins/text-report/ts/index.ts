import { DistriPlugin, Workflow, WorkflowCall } from "distri/base";
import { callAgent, callTool } from "distri/workflow";

class Report implements Workflow {
  name = "report";
  description = "Counts a text's words, hashes it and asks the editor about it";
  version = "0.1.0";

  async execute(call: WorkflowCall) {
    const { text } = JSON.parse(call.input);
    // Both tools run at the same time, each in a sandbox of its own.
    const [count, hash] = await Promise.all([
      callTool("text-tools/word_count", { text }),
      callTool("checksum/sha256", { text }),
    ]);
    const comment = await callAgent("editor", `Comment on this text: ${text}`);
    return { words: count.words, sha256: hash.hex, comment };
  }

  getParameters() {
    return {
      type: "object",
      properties: { text: { type: "string", description: "The text" } },
      required: ["text"],
    };
  }
}

const plugin: DistriPlugin = { workflows: [new Report()] };

export default plugin;
