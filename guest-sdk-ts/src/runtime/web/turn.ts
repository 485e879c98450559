import { fileBytes } from "../wit.ts";

/**
 * Waits until everything that can go on by itself has done so: for the host's next
 * turn, not for the engine's. A byte goes through a stream for it.
 */
export async function turn(): Promise<void> {
  const { readable, writable } = fileBytes();
  const arrived = readable.read(1);
  await writable.write(new Uint8Array(1));
  await arrived;
  writable.drop();
  readable.drop();
}
