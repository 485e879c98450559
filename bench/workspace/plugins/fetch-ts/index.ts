import { createTool } from "distri/base";

const bytes = async (url: string) => (await (await fetch(url)).arrayBuffer()).byteLength;

export default {
  tools: [
    createTool({
      name: "fetch",
      description: "Gets a page so many times, one after another or at once, and answers how many bytes it got",
      execute: async ({ url, count, at_once }) => {
        const sizes: number[] = [];
        if (at_once) sizes.push(...(await Promise.all(Array.from({ length: count }, () => bytes(url)))));
        else for (let i = 0; i < count; i++) sizes.push(await bytes(url));
        return sizes.reduce((sum, size) => sum + size, 0);
      },
    }),
  ],
};
