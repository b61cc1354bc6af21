import { onTestFinished } from "vitest";

/** Closes a thing when the test ends, the newest first; to be called inside a test. @returns the thing */
export function closing<T extends { close(): unknown }>(thing: T): T {
  onTestFinished(async () => {
    await thing.close();
  });
  return thing;
}
