import { faultPoint, watchRequests } from "../fault.ts";
import { flushOutbox } from "./flush.ts";

/*
 * The detached deliverer: `flush.mjs <root>`. It has no output; what it comes to is in the outbox.
 */
const root = process.argv[2];
watchRequests();
faultPoint("deliverer-runs");
if (root) await flushOutbox(root, { scheduled: true });
