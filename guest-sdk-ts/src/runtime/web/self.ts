/** `self`, another name of the global object. */
import { define } from "./define.ts";

define({ self: globalThis });
