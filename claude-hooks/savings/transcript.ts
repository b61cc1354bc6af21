import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod/mini";

/** Tokens by kind, as both hosts report them. */
export interface Tokens {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

/** One answer of Claude's, with the usage that its API reported. */
export interface Spent {
  at: string;
  tokens: Tokens;
}

/** A line of a transcript that holds an answer; other lines are passed over. Source: Claude Code 2.1.329, tried. */
const lineSchema = z.object({
  type: z.literal("assistant"),
  timestamp: z.string(),
  message: z.object({
    id: z.string(),
    usage: z.object({
      input_tokens: z.number(),
      output_tokens: z.number(),
      cache_creation_input_tokens: z._default(z.nullable(z.number()), 0),
      cache_read_input_tokens: z._default(z.nullable(z.number()), 0),
    }),
  }),
});

/** A transcript above this is not read into memory. */
const MAX_BYTES = 512 * 1024 * 1024;
const SESSION_ID = /^[A-Za-z0-9-]{8,128}$/;

/**
 * What a Claude session has spent, its sub-agents included, oldest first.
 * @param env where Claude Code keeps its transcripts (`CLAUDE_CONFIG_DIR`, else `~/.claude`)
 * @returns undefined when there is no transcript of it on this machine
 */
export function spentBy(sessionId: string, env: NodeJS.ProcessEnv = process.env): Spent[] | undefined {
  const files = SESSION_ID.test(sessionId) ? transcriptsOf(sessionId, env) : [];
  if (files.length === 0) return undefined;
  // An answer of several parts is several lines with one id and the same usage; the last is the whole.
  const answers = new Map<string, Spent>();
  for (const file of files) {
    for (const line of readFileSync(file, "utf8").split("\n")) {
      const answer = line.includes('"usage"') ? read(line) : undefined;
      if (answer) answers.set(answer.id, answer.spent);
    }
  }
  return [...answers.values()].toSorted((a, b) => a.at.localeCompare(b.at));
}

function read(line: string): { id: string; spent: Spent } | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined; // the last line of a session that is being written
  }
  const parsed = lineSchema.safeParse(raw);
  if (!parsed.success) return undefined;
  const { message, timestamp } = parsed.data;
  const { usage } = message;
  const tokens = {
    input: usage.input_tokens,
    output: usage.output_tokens,
    cacheRead: usage.cache_read_input_tokens ?? 0,
    cacheWrite: usage.cache_creation_input_tokens ?? 0,
  };
  return { id: message.id, spent: { at: timestamp, tokens } };
}

/** `projects/<folder>/<session>.jsonl`, and what its sub-agents wrote in `projects/<folder>/<session>/`. */
function transcriptsOf(sessionId: string, env: NodeJS.ProcessEnv): string[] {
  const projects = join(env.CLAUDE_CONFIG_DIR || join(env.HOME || homedir(), ".claude"), "projects");
  if (!existsSync(projects)) return [];
  const found = readdirSync(projects, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const own = join(projects, entry.name, sessionId);
      return [`${own}.jsonl`, ...below(own)];
    });
  return found.filter((file) => existsSync(file) && statSync(file).size <= MAX_BYTES);
}

function below(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".jsonl"))
    .map((entry) => join(entry.parentPath, entry.name));
}
