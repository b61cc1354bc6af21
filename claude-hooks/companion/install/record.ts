import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { readJson, writeJson } from "../../../shared/state/files.ts";
import { stateDir } from "../../../shared/state/place.ts";
import { readUserFile, removeEmptyFolders, writeUserFile } from "./user-file.ts";

/** What `init` did to one configuration file, so that `init --undo` can put back the very bytes. */
const recordSchema = z.object({
  schema: z.literal(1),
  file: z.string(),
  /** The bytes from before, base64; null when `init` made the file. */
  original: z.nullable(z.string()),
  /** sha256 of each content that counts as "as we left it". */
  left: z.array(z.string()),
  /** Folders that `init` made, outermost first. */
  folders: z.array(z.string()),
  /** A list property that `init` added to hold its entry. */
  madeList: z.boolean(),
});
export type InstallRecord = z.infer<typeof recordSchema>;

function recordFile(file: string, env: NodeJS.ProcessEnv): string {
  return join(stateDir(env), "install", `${sha256(file).slice(0, 24)}.json`);
}

export function readRecord(file: string, env: NodeJS.ProcessEnv): InstallRecord | undefined {
  return readJson(recordFile(file, env), recordSchema);
}

/** The configuration files that `init` has edited, by its records. */
export function installedFiles(env: NodeJS.ProcessEnv): string[] {
  const folder = join(stateDir(env), "install");
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  return names.flatMap((name) => readJson(join(folder, name), recordSchema)?.file ?? []);
}

export function saveRecord(record: Omit<InstallRecord, "schema">, env: NodeJS.ProcessEnv): void {
  writeJson(recordFile(record.file, env), { schema: 1, ...record });
}

export function dropRecord(file: string, env: NodeJS.ProcessEnv): void {
  rmSync(recordFile(file, env), { force: true });
}

/** Whether nobody but us (and the host itself, in a way we know) has changed the file since. */
export function isAsLeft(record: InstallRecord, now: Buffer | undefined): boolean {
  return now !== undefined && record.left.includes(sha256(now));
}

/** Puts back the bytes from before, or removes the file that `init` made. */
export function restore(record: InstallRecord): void {
  if (record.original === null) {
    rmSync(record.file, { force: true });
    removeEmptyFolders(record.folders);
  } else {
    writeUserFile(record.file, Buffer.from(record.original, "base64"));
  }
}

export function originalBytes(record: InstallRecord): Buffer | undefined {
  return record.original === null ? undefined : Buffer.from(record.original, "base64");
}

export function sameBytes(file: string, bytes: Buffer | undefined): boolean {
  const now = readUserFile(file);
  return now === undefined || bytes === undefined ? now === bytes : now.equals(bytes);
}

export function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
