import { reap } from "../../shared/run/reap.ts";

/* `come-by.mjs <root>`: the next Handrail process. */
await reap(process.argv[2] ?? "");
