/** `TextEncoderStream` and `TextDecoderStream` by the Encoding standard. */
import type * as web from "../../platform/web.js";
import { define } from "./define.ts";
import { TransformStream } from "./streams.ts";
import { TextDecoder, utf8, type Bytes } from "./text.ts";

export class TextDecoderStream implements web.TextDecoderStream {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  readonly readable: web.TextDecoderStream["readable"];
  readonly writable: web.TextDecoderStream["writable"];

  constructor(label?: string, options?: web.TextDecoderOptions) {
    const decoder = new TextDecoder(label, options);
    ({ encoding: this.encoding, fatal: this.fatal, ignoreBOM: this.ignoreBOM } = decoder);
    ({ readable: this.readable, writable: this.writable } = new TransformStream<web.BufferSource, string>({
      transform(bytes, controller) {
        const text = decoder.decode(bytes as Bytes, { stream: true });
        if (text !== "") controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode();
        if (text !== "") controller.enqueue(text);
      },
    }));
  }
}

export class TextEncoderStream implements web.TextEncoderStream {
  readonly encoding = "utf-8";
  readonly readable: web.TextEncoderStream["readable"];
  readonly writable: web.TextEncoderStream["writable"];

  constructor() {
    /** Half a character, whose other half the next text may begin with. */
    let half = "";
    ({ readable: this.readable, writable: this.writable } = new TransformStream<string, Bytes>({
      transform(chunk, controller) {
        const text = half + String(chunk);
        half = /[\ud800-\udbff]$/.exec(text)?.[0] ?? "";
        const whole = text.slice(0, text.length - half.length);
        if (whole !== "") controller.enqueue(utf8(whole));
      },
      flush(controller) {
        if (half !== "") controller.enqueue(utf8(half));
      },
    }));
  }
}

define({ TextDecoderStream, TextEncoderStream });
