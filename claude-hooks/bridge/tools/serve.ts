import * as z from "zod";
import { HandrailError } from "../../../shared/errors.ts";
import { ensureServer } from "../../../shared/serve/ensure.ts";
import { isRunning, readEntry } from "../../../shared/serve/entry.ts";
import { stopServer, stopUnlessNeeded } from "../../../shared/serve/stop.ts";
import { projectFields, projectOut, serverOut } from "../fields.ts";
import { requireProject } from "../project.ts";
import { busyOf, IDLE_MINUTES, idleOf, serverOf } from "../serve.ts";
import { defineTool, ENDS, LOOKS, WORKS } from "../tool.ts";

/** `opencode_serve_spawn` */
export const serveSpawn = defineTool({
  name: "opencode_serve_spawn",
  title: "Start a project's server",
  description:
    "Starts the project's one OpenCode server on a free port, or gives the one that runs. It stays until it is idle for too long or opencode_serve_shutdown; opencode_execute_task needs no server started before.",
  input: z.strictObject({
    ...projectFields,
    reason: z.string().min(1).max(200).optional().describe("Why it is wanted, for those who list servers."),
  }),
  output: z.object({ ...projectOut, reused: z.boolean(), server: serverOut }),
  annotations: { ...WORKS, destructiveHint: false, idempotentHint: true },
  async run(asked, { bridge, say }) {
    const { project_id, repo_root } = requireProject(bridge, asked);
    const before = readEntry(repo_root);
    const { entry } = await ensureServer({
      root: repo_root,
      reason: asked.reason ?? "opencode_serve_spawn",
      env: bridge.env,
      say,
    });
    const reused = before !== undefined && before.leader.pid === entry.leader.pid;
    return { project_id, repo_root, reused, server: serverOf(repo_root) };
  },
});

const idleOut = {
  idle_seconds: z.number(),
  idle_minutes_allowed: z.number(),
  busy_sessions: z.array(z.string()),
  should_shut_down: z.boolean(),
  why: z.string(),
};

/** `opencode_serve_idle_check` */
export const serveIdleCheck = defineTool({
  name: "opencode_serve_idle_check",
  title: "Check whether a server is idle",
  description:
    "Says whether the project's server has done nothing for so long (15 minutes by default) that it should be stopped. Stops nothing.",
  input: z.strictObject({
    ...projectFields,
    idle_minutes: z
      .number()
      .nonnegative()
      .max(24 * 60)
      .optional(),
  }),
  output: z.object({ ...projectOut, server: serverOut, ...idleOut }),
  annotations: LOOKS,
  async run(asked, { bridge }) {
    const project = requireProject(bridge, asked);
    const { project_id, repo_root } = project;
    const entry = readEntry(repo_root);
    const server = serverOf(repo_root);
    const minutes = asked.idle_minutes ?? project.idle_minutes ?? IDLE_MINUTES;
    if (!entry || !isRunning(entry)) {
      const none = { idle_seconds: 0, busy_sessions: [], should_shut_down: false, why: "no server runs" };
      return { project_id, repo_root, server, ...none, idle_minutes_allowed: minutes };
    }
    return { project_id, repo_root, server, ...(await idleOf(entry, project, minutes)) };
  },
});

/** `opencode_serve_shutdown` */
export const serveShutdown = defineTool({
  name: "opencode_serve_shutdown",
  title: "Stop a project's server",
  description:
    "Stops the project's server, if Handrail started it, with all it has started. One that works is left alone, unless force is given: its runs then end as failed.",
  input: z.strictObject({
    ...projectFields,
    force: z.boolean().optional().describe("Also while sessions work on it."),
  }),
  output: z.object({
    ...projectOut,
    stopped: z.boolean(),
    opencode_server_url: z.string(),
    server: serverOut,
    why: z.string(),
  }),
  annotations: ENDS,
  async run(asked, { bridge }) {
    const { project_id, repo_root } = requireProject(bridge, asked);
    const entry = readEntry(repo_root);
    if (!entry) {
      const none = { stopped: false, opencode_server_url: "", why: "no server runs" };
      return { project_id, repo_root, ...none, server: serverOf(repo_root) };
    }
    const stopped = asked.force ? await stopServer(entry) : await stopUnused(repo_root);
    return {
      project_id,
      repo_root,
      stopped,
      opencode_server_url: entry.url,
      server: serverOf(repo_root),
      why: stopped ? "stopped" : "it was gone already",
    };
  },
});

/** @throws HandrailError `busy` */
async function stopUnused(root: string): Promise<boolean> {
  const end = await stopUnlessNeeded(root, async (entry) => {
    const busy = (await busyOf(entry)) ?? [];
    return busy.length > 0 ? `it works on ${busy.join(", ")}` : undefined;
  });
  if (end.stays === undefined) return end.ran;
  throw new HandrailError("busy", `the server is in use: ${end.stays}`, {
    fix: "wait for the callback, or give force: true",
  });
}
