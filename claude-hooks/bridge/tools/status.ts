import * as z from "zod";
import { callerKey } from "../../../shared/callback/routing.ts";
import { readTarget } from "../../../shared/callback/target.ts";
import { STALL_SECONDS } from "../../../shared/run/lifecycle.ts";
import { RUN_STATES } from "../../../shared/run/state.ts";
import { findProgram } from "../../../shared/serve/program.ts";
import { stateDir } from "../../../shared/state/place.ts";
import { VERSION } from "../../../shared/version.ts";
import { knownProjects } from "../project.ts";
import { IDLE_MINUTES, serverOf } from "../serve.ts";
import { defineTool, LOOKS } from "../tool.ts";

/** What an outer agent may count on, and what not (requirements: what is not yet safe to assume). */
const CONTRACT = [
  "One project has one server, bound to the real path of its top folder; a session of another folder is refused.",
  "A run is held to its task file: what it changes is judged from the file system and git, not from its words.",
  "Each turn makes one callback, to the session that asked; it survives a crash of either side.",
  "An agent or model that OpenCode lacks is an error, never a fallback.",
];
const LIMITS = [
  "No daemon: what a crash left open is closed by the next Handrail process that comes by.",
  "The event stream is for looking; only the run's record says what a turn came to.",
  "An OpenCode event that this version does not know is passed on as unknown.",
  "Remote effects (a push, a call to a service) are not held by a file scope.",
];

/** `opencode_status` */
export const status = defineTool({
  name: "opencode_status",
  title: "Bridge status",
  description:
    "Shows the bridge's contract and limits, the project of this server, where callbacks go, and the model of a run's life. Look here first when something of the bridge is unclear.",
  input: z.strictObject({}),
  output: z.object({
    version: z.string(),
    opencode: z.enum(["found", "missing"]),
    contract: z.array(z.string()),
    limits: z.array(z.string()),
    project: z
      .object({
        project_id: z.string(),
        repo_root: z.string(),
        server: z.string(),
        opencode_server_url: z.string(),
      })
      .optional(),
    registry: z.object({ state_dir: z.string(), projects: z.number(), unreadable: z.number() }),
    caller: z.object({
      origin_session_key: z.string(),
      origin_session_id: z.string().optional(),
      inbox: z.boolean(),
      address: z.enum(["none", "http", "openclaw"]),
      token: z.enum(["set", "missing"]),
    }),
    lifecycle: z.object({
      states: z.array(z.string()),
      soft_stall_seconds: z.number(),
      hard_stall_seconds: z.number(),
      idle_minutes: z.number(),
    }),
  }),
  annotations: LOOKS,
  run(_asked, { bridge }) {
    const { projects, unreadable } = knownProjects(bridge);
    const here = projects.find((one) => one.repo_root === bridge.home);
    const origin = bridge.caller();
    const kind = origin.callback && readTarget(origin.callback.target)?.kind;
    const server = here && serverOf(here.repo_root);
    return {
      version: VERSION,
      opencode: findProgram("opencode", bridge.home ?? "", bridge.env)
        ? ("found" as const)
        : ("missing" as const),
      contract: CONTRACT,
      limits: LIMITS,
      ...(here && server
        ? {
            project: {
              project_id: here.project_id,
              repo_root: here.repo_root,
              server: server.state,
              opencode_server_url: server.opencode_server_url,
            },
          }
        : {}),
      registry: { state_dir: stateDir(bridge.env), projects: projects.length, unreadable: unreadable.length },
      caller: {
        origin_session_key: callerKey(origin),
        ...(origin.session_id === undefined ? {} : { origin_session_id: origin.session_id }),
        inbox: origin.inbox !== undefined,
        address: kind === "http" || kind === "openclaw" ? kind : ("none" as const),
        token: bridge.env.HANDRAIL_CALLBACK_TOKEN ? ("set" as const) : ("missing" as const),
      },
      lifecycle: {
        states: [...RUN_STATES],
        soft_stall_seconds: STALL_SECONDS.soft,
        hard_stall_seconds: STALL_SECONDS.hard,
        idle_minutes: IDLE_MINUTES,
      },
    };
  },
});
