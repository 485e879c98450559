/** The Streams standard, from the package `web-streams-polyfill`: all of it. */
import * as streams from "web-streams-polyfill";
import { define } from "./define.ts";

export { ReadableStream, TransformStream } from "web-streams-polyfill";

define(streams);
