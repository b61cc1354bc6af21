import { existsSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { readJson, writeJson } from "./files.ts";
import { projectDir, stateDir } from "./place.ts";

/**
 * `projects/<id>/project.json`: a working tree that tools may work in. One file a project, so that two
 * writers never lose each other's entries.
 */
export const projectSchema = z.object({
  schema: z.literal(1),
  project_id: z.string(),
  /** Real path of the working tree's top level. */
  repo_root: z.string(),
  /** ISO 8601, UTC. */
  registered: z.string(),
  by: z.enum(["init", "tool"]),
  /** How long its server may do nothing before it is to be stopped; without it 15 minutes. */
  idle_minutes: z.optional(z.number()),
  /** Why its server stays when the task it was started for is over. */
  keep_alive_reason: z.optional(z.string()),
});
export type Project = z.infer<typeof projectSchema>;
export type ProjectSettings = Pick<Project, "idle_minutes" | "keep_alive_reason">;

/** A project's id, as the envelope names it: the name of its state folder. @param root a real path */
export function projectIdOf(root: string): string {
  return basename(projectDir(root));
}

/**
 * Registers a working tree, or changes what is on record of it.
 * @param root real path of its top level
 * @returns the project, and whether it is new
 */
export function registerProject(
  root: string,
  by: Project["by"],
  settings: ProjectSettings = {},
): { project: Project; created: boolean } {
  const known = readProject(root);
  const project: Project = {
    schema: 1,
    project_id: projectIdOf(root),
    repo_root: root,
    registered: known?.registered ?? new Date().toISOString(),
    by: known?.by ?? by,
    ...(known?.idle_minutes === undefined ? {} : { idle_minutes: known.idle_minutes }),
    ...(known?.keep_alive_reason === undefined ? {} : { keep_alive_reason: known.keep_alive_reason }),
    ...settings,
  };
  writeJson(fileIn(projectDir(root)), project);
  return { project, created: known === undefined };
}

/** Takes a working tree off the register; its runs and what they kept stay. */
export function unregisterProject(root: string): void {
  rmSync(fileIn(projectDir(root)), { force: true });
}

/** @returns the project on record for a working tree. @throws HandrailError `state-unreadable` */
export function readProject(root: string): Project | undefined {
  const project = readJson(fileIn(projectDir(root)), projectSchema);
  return project?.repo_root === root ? project : undefined;
}

/** All projects, by id. @returns also a sentence for each entry that cannot be read; it is set aside */
export function listProjects(): { projects: Project[]; unreadable: string[] } {
  const projects: Project[] = [];
  const unreadable: string[] = [];
  for (const folder of folders()) {
    try {
      const project = readJson(fileIn(folder), projectSchema);
      // An entry that was copied or edited to name another folder is none.
      if (project && projectDir(project.repo_root) === folder) projects.push(project);
      else if (project) unreadable.push(`${fileIn(folder)} names another folder: ${project.repo_root}`);
    } catch (error) {
      if (!(error instanceof HandrailError)) throw error;
      unreadable.push(error.message);
    }
  }
  return { projects, unreadable };
}

/** Why an entry is of no use any more: its folder is gone, or another is there under its name. */
export function problemOf({ repo_root }: Project): string | undefined {
  if (!existsSync(repo_root)) return `${repo_root} is gone`;
  if (realpathSync(repo_root) !== repo_root) return `${repo_root} is now a link to somewhere else`;
  if (!existsSync(join(repo_root, ".git"))) return `${repo_root} is no git working tree any more`;
  return undefined;
}

function folders(): string[] {
  const all = join(stateDir(), "projects");
  if (!existsSync(all)) return [];
  return readdirSync(all)
    .sort()
    .map((name) => join(all, name));
}

function fileIn(folder: string): string {
  return join(folder, "project.json");
}
