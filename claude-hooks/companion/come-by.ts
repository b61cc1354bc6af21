import { reap } from "../../shared/run/reap.ts";

/**
 * Does what whichever Handrail process comes by does (`reap`), for a verb that only shows something: what
 * could not be done is said on stderr, and the verb goes on.
 */
export async function comeBy(root: string): Promise<void> {
  try {
    await reap(root);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`handrail: a run that ended could not be closed yet: ${message}\n`);
  }
}
