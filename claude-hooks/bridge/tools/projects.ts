import { homedir } from "node:os";
import * as z from "zod";
import { HandrailError } from "../../../shared/errors.ts";
import type { ServerEntry } from "../../../shared/serve/entry.ts";
import { cleanUpServers } from "../../../shared/serve/stop.ts";
import {
  listProjects,
  problemOf,
  readProject,
  registerProject,
  unregisterProject,
} from "../../../shared/state/projects.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { projectFields, projectOut, serverOut } from "../fields.ts";
import { knownProjects, realRoot, requireProject } from "../project.ts";
import { idleOf, serverOf } from "../serve.ts";
import { defineTool, ENDS, LOOKS, RECORDS } from "../tool.ts";

const entryOut = {
  ...projectOut,
  registered: z.string(),
  by: z.enum(["init", "tool", "here"]),
  idle_minutes: z.number().optional(),
  server: serverOut,
  problem: z.string().optional(),
};

/** `opencode_resolve_project` */
export const resolveProject = defineTool({
  name: "opencode_resolve_project",
  title: "Resolve a project",
  description:
    "Says which registered project is meant and which OpenCode server is its own, if one runs. Starts nothing; fails for any folder that is not registered.",
  input: z.strictObject(projectFields),
  output: z.object({ ...entryOut, next: z.string() }),
  annotations: LOOKS,
  run(asked, { bridge }) {
    const project = requireProject(bridge, asked);
    const server = serverOf(project.repo_root);
    const next =
      server.state === "running"
        ? "opencode_build_envelope or opencode_execute_task"
        : "opencode_execute_task starts a server by itself; opencode_serve_spawn starts one that stays";
    return { ...project, server, next };
  },
});

/** `opencode_registry_get` */
export const registryGet = defineTool({
  name: "opencode_registry_get",
  title: "Read the registry",
  description: "Lists the registered projects and the server of each. Passwords are not shown.",
  input: z.strictObject(projectFields),
  output: z.object({ projects: z.array(z.object(entryOut)), unreadable: z.array(z.string()) }),
  annotations: LOOKS,
  run(asked, { bridge }) {
    const one = asked.project_id !== undefined || asked.repo_root !== undefined;
    const { projects, unreadable } = one
      ? { projects: [requireProject(bridge, asked)], unreadable: [] }
      : knownProjects(bridge);
    return {
      projects: projects.map((project) => {
        const problem = problemOf({ ...project, schema: 1, by: "tool" });
        return {
          ...project,
          server: serverOf(project.repo_root),
          ...(problem === undefined ? {} : { problem }),
        };
      }),
      unreadable,
    };
  },
});

/** `opencode_registry_upsert` */
export const registryUpsert = defineTool({
  name: "opencode_registry_upsert",
  title: "Register a project",
  description:
    "Registers a git working tree of this machine, so that the other tools may work in it, or changes its settings. Ask the user before registering a project they have not named.",
  input: z.strictObject({
    repo_root: projectFields.repo_root.unwrap().describe("Absolute path of the working tree's top folder."),
    idle_minutes: z
      .number()
      .positive()
      .max(24 * 60)
      .optional()
      .describe("Minutes without work after which its server is to be stopped; 15 by default."),
    keep_alive_reason: z
      .string()
      .max(200)
      .optional()
      .describe("Why its server stays when a task ends; an empty text takes the reason back."),
    opencode_server_url: z
      .string()
      .max(200)
      .optional()
      .describe(
        "The server that is expected; another one on record is an error. None is taken in from here.",
      ),
  }),
  output: z.object({ ...entryOut, created: z.boolean() }),
  annotations: RECORDS,
  async run(asked) {
    const path = realRoot(asked.repo_root);
    const { root } = await openRepository(path);
    if (root !== path) {
      throw new HandrailError("wrong-directory", `${path} is not the top folder of its working tree`, {
        fix: `repo_root: ${root}`,
      });
    }
    if (root === homedir()) {
      throw new HandrailError("bad-input", "the home folder is no project", {
        fix: "register the project's own folder",
      });
    }
    const server = serverOf(root);
    if (asked.opencode_server_url !== undefined && asked.opencode_server_url !== server.opencode_server_url) {
      throw new HandrailError("routing", `that is not the server of ${root}`, {
        fix: "opencode_serve_spawn starts a project's server; leave opencode_server_url out",
      });
    }
    const { project, created } = registerProject(root, "tool", {
      ...(asked.idle_minutes === undefined ? {} : { idle_minutes: asked.idle_minutes }),
      ...(asked.keep_alive_reason === undefined ? {} : { keep_alive_reason: asked.keep_alive_reason }),
    });
    return { ...project, server, created };
  },
});

/** `opencode_registry_cleanup` */
export const registryCleanup = defineTool({
  name: "opencode_registry_cleanup",
  title: "Clean the registry",
  description:
    "Takes projects off the register whose folder is gone, and servers off it that are dead; ends servers that Handrail started and that have been idle for too long. Runs and their evidence stay.",
  input: z.strictObject({
    dry_run: z.boolean().optional().describe("Only say what would be done."),
  }),
  output: z.object({
    dry_run: z.boolean(),
    unregistered: z.array(z.object({ ...projectOut, why: z.string() })),
    stopped: z.array(z.object({ repo_root: z.string(), opencode_server_url: z.string() })),
    forgotten: z.array(z.object({ repo_root: z.string(), opencode_server_url: z.string() })),
    unreadable: z.array(z.string()),
  }),
  annotations: ENDS,
  async run({ dry_run: dry = false }, { bridge }) {
    const { projects, unreadable } = listProjects();
    const broken = projects.flatMap((project) => {
      const why = problemOf(project);
      return why === undefined ? [] : [{ ...project, why }];
    });
    const ours = new Set(knownProjects(bridge).projects.map((project) => project.repo_root));
    const isIdle = async (entry: ServerEntry) =>
      ours.has(entry.directory) && (await idleOf(entry, readProject(entry.directory))).should_shut_down;
    const servers = dry ? { stopped: [], forgotten: [], unreadable: [] } : await cleanUpServers(isIdle);
    if (!dry) for (const { repo_root: root } of broken) unregisterProject(root);
    const shown = (one: { directory: string; url: string }) => ({
      repo_root: one.directory,
      opencode_server_url: one.url,
    });
    return {
      dry_run: dry,
      unregistered: broken,
      stopped: servers.stopped.map(shown),
      forgotten: servers.forgotten.map(shown),
      unreadable: [...unreadable, ...servers.unreadable],
    };
  },
});
