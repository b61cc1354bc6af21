import { randomBytes } from "node:crypto";
import { HandrailError } from "../../../shared/errors.ts";
import { type ReviewScope, reviewedChanges } from "../../../shared/review/changes.ts";
import { chunksOf } from "../../../shared/review/chunks.ts";
import { classify, type Reading, readFindings, sorted } from "../../../shared/review/findings.ts";
import { repairPrompt, reviewPrompts } from "../../../shared/review/request.ts";
import { SECRET_FILES } from "../../../shared/review/secrets.ts";
import { findSessionRecord } from "../../../shared/serve/session-record.ts";
import type { Repository } from "../../../shared/tree/repository.ts";
import type { Progress } from "../progress.ts";
import type { HeldFor } from "../serve/held.ts";
import { performTurn } from "../serve/perform.ts";
import type { SessionResult } from "../serve/result.ts";
import type { ReviewResult } from "./result.ts";

export interface ReviewWish {
  repo: Repository;
  scope: ReviewScope;
  base?: string | undefined;
  adversarial: boolean;
  focus?: string | undefined;
  model?: string | undefined;
  agent?: string | undefined;
  /** For the whole review. */
  timeoutMs: number;
  progress: Progress;
}

/**
 * Has a fresh session review what changed. It may write nothing, and may not open files that hold secrets.
 * A part whose answer cannot be read is asked for once more; then the review is `unclassified`, unless
 * another part makes it a FAIL.
 * @throws HandrailError `bad-usage` when nothing changed, and what a turn throws
 */
export async function performReview(wish: ReviewWish): Promise<ReviewResult> {
  const { repo, progress } = wish;
  const changes = await reviewedChanges(repo, wish);
  const { chunks, omitted: unshown } = chunksOf(changes.files);
  const omitted = [...changes.large, ...unshown];
  const count = changes.files.length + changes.large.length;
  if (chunks.length + omitted.length === 0) {
    const secret = changes.secret.length > 0 ? " but files that hold secrets" : "";
    throw new HandrailError(
      "bad-usage",
      `nothing differs in ${changes.what}${secret}: there is nothing to review`,
      {
        fix: "for what was committed: --scope branch --base REF",
      },
    );
  }
  const prompts = reviewPrompts({ ...wish, ...changes, focus: wish.focus, omitted }, chunks);
  progress.say(
    `${changes.what}: ${count} file${count === 1 ? "" : "s"}, in ${prompts.length} part${prompts.length > 1 ? "s" : ""}`,
  );
  const talk = new Talk(wish);
  const readings: Reading[] = [];
  for (const prompt of prompts) {
    const reading = await talk.ask(prompt);
    if (!reading) break;
    readings.push(reading);
  }
  return {
    ...conclusion(readings, talk.over),
    scope: changes.scope,
    base: changes.base,
    files: count,
    parts: prompts.length,
    omitted,
    secret: changes.secret,
    directory: repo.root,
    ...(talk.last ? { session_id: talk.last.session_id, attach: talk.last.attach } : {}),
    state: talk.last?.state ?? "failed",
  };
}

function conclusion(
  readings: readonly Reading[],
  over: SessionResult | undefined,
): Pick<ReviewResult, "classification" | "findings" | "problem"> {
  const findings = sorted(readings.flatMap((reading) => (reading.ok ? reading.findings : [])));
  const unread = readings.find((reading) => !reading.ok);
  const problem = over
    ? `the reviewer's session is ${over.state}${over.error ? `: ${over.error.message}` : ""}`
    : unread && !unread.ok
      ? unread.problem
      : undefined;
  const classification = classify({ ok: true, findings });
  if (problem === undefined) return { classification, findings };
  return { classification: classification === "FAIL" ? "FAIL" : "unclassified", findings, problem };
}

/** One session, asked part by part. */
class Talk {
  readonly #wish: ReviewWish;
  readonly #end: number;
  readonly #held = readOnly();
  last: SessionResult | undefined;
  /** The turn that did not end as it should, if one did not. */
  over: SessionResult | undefined;

  constructor(wish: ReviewWish) {
    this.#wish = wish;
    this.#end = Date.now() + wish.timeoutMs;
  }

  /** @returns what was found, or why it cannot be read; undefined when the turn did not end */
  async ask(prompt: string): Promise<Reading | undefined> {
    const first = await this.#turn(prompt);
    if (!first || first.ok) return first;
    this.#wish.progress.say(`the answer cannot be read (${first.problem}); asking once more`);
    return this.#turn(repairPrompt(first.problem));
  }

  async #turn(prompt: string): Promise<Reading | undefined> {
    const { repo, model, agent, progress } = this.#wish;
    const session = this.last && findSessionRecord(this.last.session_id, repo.root);
    const timeoutMs = Math.max(1_000, this.#end - Date.now());
    const wish = { root: repo.root, cwd: repo.root, prompt, fixed: this.#held, session, model, agent };
    const result = await performTurn({ ...wish, timeoutMs, progress });
    this.last = result;
    if (result.state === "done") return readFindings(result.text ?? "");
    this.over = result;
    return undefined;
  }
}

/** Nothing to write, and what holds secrets is not to be read. Each review is a task of its own: several may go on at once. */
function readOnly(): HeldFor {
  const slug = `review-${randomBytes(4).toString("hex")}`;
  const rules = ["no-commit", "no-stage", "no-read"] as const;
  const scope = { allow: [], inspect: [], forbid: [], rules: [...rules], noRead: [...SECRET_FILES] };
  const nothing = { prohibitions: [], validation: [], errors: [], warnings: [] };
  return {
    why: "read-only, without files that hold secrets",
    held: {
      kind: "task",
      spec: { ok: true, source: "file-scope", slug, title: "Review", scope, ...nothing },
    },
  };
}
