import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { currentJob, isOpenJob, listJobs } from "../../../shared/serve/job.ts";
import { listSessionRecords } from "../../../shared/serve/session-record.ts";
import { keptAside } from "../../../shared/state/files.ts";
import { projectDir } from "../../../shared/state/place.ts";
import { changedAt, entriesOf, type Found, type Item, sizeOf } from "./item.ts";

/** Jobs that are over: their record, their log, and the prompt that a killed worker has left. */
export function oldJobs(root: string, before: number, staying: ReadonlySet<string>): Found {
  const folder = join(projectDir(root), "jobs");
  const needed = listJobs(root)
    .jobs.map(currentJob)
    .filter((job) => isOpenJob(job) || (job.run_id !== undefined && staying.has(job.run_id)));
  const stay = new Set(needed.map((job) => job.job_id));
  const ids = new Set(entriesOf(folder).map((name) => name.split(".")[0] ?? name));
  const items = [...ids].flatMap((id): Item[] => {
    const files = entriesOf(folder)
      .filter((name) => name.startsWith(`${id}.`))
      .map((name) => join(folder, name));
    if (stay.has(id) || files.some((file) => changedAt(file) >= before)) return [];
    const remove = () => {
      for (const file of files) rmSync(file, { force: true });
    };
    return [{ kind: "job", name: id, bytes: files.reduce((sum, file) => sum + sizeOf(file), 0), remove }];
  });
  return { items, kept: [] };
}

/** What the companion knows of a session, its prompts among it, where none of its runs stays. */
export function oldSessionRecords(root: string, before: number, staying: ReadonlySet<string>): Found {
  const folder = join(projectDir(root), "companion-sessions");
  const records = listSessionRecords(root)
    .records.filter(({ runs }) => !runs.some((run) => staying.has(run)))
    .map(({ session_id }) => ({ kind: "session" as const, file: join(folder, `${session_id}.json`) }));
  const aside = keptAside(folder).map((file) => ({ kind: "leftover" as const, file }));
  const items = [...records, ...aside]
    .filter(({ file }) => changedAt(file) < before)
    .map(({ kind, file }): Item => {
      const remove = () => rmSync(file, { force: true });
      return { kind, name: basename(file, ".json"), bytes: sizeOf(file), remove };
    });
  return { items, kept: [] };
}
