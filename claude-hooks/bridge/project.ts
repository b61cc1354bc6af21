import { existsSync, realpathSync } from "node:fs";
import { isAbsolute, sep } from "node:path";
import { HandrailError } from "../../shared/errors.ts";
import type { RunRecord } from "../../shared/run/record.ts";
import { requireRun, runDir } from "../../shared/run/store.ts";
import { listProjects, type Project, problemOf, projectIdOf } from "../../shared/state/projects.ts";
import type { Bridge } from "./bridge.ts";

/** Which project a tool is to work in. */
export interface ProjectChoice {
  project_id?: string | undefined;
  repo_root?: string | undefined;
}
export type KnownProject = Omit<Project, "schema" | "by"> & { by: Project["by"] | "here" };

/** The registered projects, and the one the server was started in: whoever started it there chose it. */
export function knownProjects({ home }: Bridge): { projects: KnownProject[]; unreadable: string[] } {
  const { projects, unreadable } = listProjects();
  if (home === undefined || projects.some((one) => one.repo_root === home)) return { projects, unreadable };
  const here: KnownProject = {
    project_id: projectIdOf(home),
    repo_root: home,
    registered: new Date().toISOString(),
    by: "here",
  };
  return { projects: [here, ...projects], unreadable };
}

/**
 * The project that a tool may work in, and no other folder: fails closed by real path.
 * @throws HandrailError `not-registered`, `wrong-directory`, `bad-input`, `not-found`
 */
export function requireProject(bridge: Bridge, choice: ProjectChoice): KnownProject {
  const { projects } = knownProjects(bridge);
  const project = choose(bridge, choice, projects);
  const problem = problemOf({ ...project, schema: 1, by: "tool" });
  if (problem === undefined) return project;
  throw new HandrailError("not-found", `project ${project.project_id}: ${problem}`, {
    fix: "opencode_registry_cleanup",
  });
}

function choose(bridge: Bridge, choice: ProjectChoice, projects: readonly KnownProject[]): KnownProject {
  const { project_id: id, repo_root: path } = choice;
  if (path === undefined && id === undefined) {
    const here = projects.find((one) => one.repo_root === bridge.home);
    if (here) return here;
    throw new HandrailError("bad-input", "this server was not started in a project: say which one is meant", {
      fix: "give repo_root or project_id; opencode_registry_get lists them",
    });
  }
  const named = id === undefined ? undefined : projects.find((one) => one.project_id === id);
  if (id !== undefined && !named) throw notRegistered(`project ${id}`);
  if (path === undefined && named) return named;
  const root = realRoot(path ?? "");
  const found = projects.find((one) => one.repo_root === root);
  if (!found) throw notTop(root, projects) ?? notRegistered(root);
  if (named && named.repo_root !== found.repo_root) {
    throw new HandrailError(
      "wrong-directory",
      `project ${named.project_id} is ${named.repo_root}, and repo_root is ${found.repo_root}`,
      { fix: "give one of the two" },
    );
  }
  return found;
}

/** @throws HandrailError `bad-input`, `not-found` */
export function realRoot(path: string): string {
  if (!isAbsolute(path) || path.includes("\0")) {
    throw new HandrailError("bad-input", "repo_root is no absolute path", {
      fix: "give the project's top folder, from /",
    });
  }
  if (!existsSync(path)) {
    throw new HandrailError("not-found", `there is no folder ${path}`, { fix: "opencode_registry_get" });
  }
  return realpathSync(path);
}

function notTop(path: string, projects: readonly KnownProject[]): HandrailError | undefined {
  const above = projects.find(({ repo_root }) => path.startsWith(`${repo_root}${sep}`));
  if (!above) return undefined;
  return new HandrailError("wrong-directory", `${path} is not the top folder of its project`, {
    fix: `repo_root: ${above.repo_root}`,
  });
}

function notRegistered(what: string): HandrailError {
  return new HandrailError("not-registered", `${what} is not registered, and tools work nowhere else`, {
    fix: "opencode_registry_upsert with its repo_root, or `handrail init` there",
  });
}

/**
 * A run of a registered project.
 * @param choice without a project all of them are looked through
 * @throws HandrailError `not-found`, `state-unreadable`, and what `requireProject` throws
 */
export function requireRunOf(bridge: Bridge, runId: string, choice: ProjectChoice): RunRecord {
  const named = choice.project_id !== undefined || choice.repo_root !== undefined;
  const roots = named
    ? [requireProject(bridge, choice).repo_root]
    : knownProjects(bridge).projects.map((project) => project.repo_root);
  const root = roots.find((one) => existsSync(runDir(one, runId)));
  if (root !== undefined) return requireRun(root, runId);
  throw new HandrailError("not-found", `no registered project has a run ${runId}`, {
    fix: "opencode_registry_get, or `handrail runs`",
  });
}
