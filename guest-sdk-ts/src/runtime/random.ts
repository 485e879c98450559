/**
 * `Math.random()`, seeded from the host on each instance's first use. The
 * engine's own generator is seeded when the plugin is built, and would give
 * every instance the same numbers.
 */
import { randomBytes } from "#host";
import { assertTimely, isRunning } from "./phase.ts";

// xoshiro128**, by David Blackman and Sebastiano Vigna.
let state: Uint32Array | undefined;

function next(): number {
  if (!state) {
    assertTimely("Math.random");
    const seed = new Uint32Array(randomBytes(16).buffer);
    // A package's own numbers while the plugin is built are not what calls begin with.
    if (!isRunning()) return seed[0] as number;
    state = seed;
  }
  const s = state as unknown as [number, number, number, number];
  const product = Math.imul(s[1], 5);
  const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
  const t = s[1] << 9;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = (s[3] << 11) | (s[3] >>> 21);
  return result;
}

Math.random = () => (next() * 0x200000 + (next() >>> 11)) / 0x20000000000000;
