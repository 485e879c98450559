// The workspace's own tools: they are called as `workspace/…`.
import { createTool } from "distri/base";

const today = createTool({
  name: "today",
  description: "Today's date, as YYYY-MM-DD (UTC)",
  parameters: { type: "object", properties: {} },
  execute: () => ({ date: new Date().toISOString().slice(0, 10) }),
});

export default { tools: [today] };
