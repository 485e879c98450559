import { createTool } from "distri/base";

const echo = createTool({
  name: "echo",
  description: "Answers with its input",
  parameters: { type: "object", properties: { text: { type: "string" } } },
  execute: ({ text }) => ({ text }),
});

export default { tools: [echo] };
