import { flushOutbox } from "./flush.ts";

/*
 * The detached deliverer: `flush.mjs <root>`. It has no output; what it comes to is in the outbox.
 */
const root = process.argv[2];
if (root) await flushOutbox(root, { scheduled: true });
