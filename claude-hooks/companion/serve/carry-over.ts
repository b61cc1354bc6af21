import { readRun } from "../../../shared/run/store.ts";
import type { SessionRecord } from "../../../shared/serve/session-record.ts";

/** How much of the earlier prompts a new session is told, in characters. */
const MAX_CHARS = 40_000;

/** The prompt for the session that takes a lost one's place: what was asked before, what it came to, and what is asked now. */
export function carriedOver(lost: SessionRecord, prompt: string): string {
  const files = new Set(
    lost.runs
      .flatMap((id) => readRun(lost.directory, id)?.changes ?? [])
      .filter((change) => change.by === "executor")
      .map((change) => change.path),
  );
  let earlier = lost.prompts.map(({ at, text }) => `--- Prompt of ${at} ---\n${text}`).join("\n\n");
  if (earlier.length > MAX_CHARS) earlier = `[cut]\n${earlier.slice(-MAX_CHARS)}`;
  return [
    "This continues an earlier session that is no longer there. What it was asked, oldest first:",
    quotedScopes(earlier),
    files.size > 0
      ? `Files that it changed; the working tree holds its work:\n${[...files].map((file) => `- ${file}`).join("\n")}`
      : "It changed no file.",
    "What is asked now:",
    prompt,
  ].join("\n\n");
}

/** As a quotation: what an earlier prompt said of the files it may change must not be read as this one's. */
function quotedScopes(text: string): string {
  return text
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n");
}
