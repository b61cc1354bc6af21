import { server } from "./server.ts";

/** What OpenCode loads: without this default export every export must be a function (facts, opencode.md). */
export default { id: "handrail", server };
