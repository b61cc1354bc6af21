import { isTest } from "../scope/ecosystems.ts";
import { ABORT_REASONS } from "./abort.ts";
import type { Draft } from "./draft.ts";
import { canCheck } from "./evidence.ts";
import type { Packet } from "./packet-schema.ts";
import { quote } from "./pattern.ts";
import type { KindOf } from "./text/names.ts";

const MODES = ["sequential_default"];
const EVENT = /^(start|mid|end|done|done_or_blocked|blocked|failed|aborted)$/i;
const LOCK = /^(file|module|shared):\s*(\S.*)$/s;

/**
 * What a schema cannot see: whether the fields of a packet fit each other, and whether Handrail knows what they
 * ask for. What would make it unsafe is an error; what only means nothing to Handrail is a warning.
 * @param lineOf the line of a field
 */
export function checkPacket(
  packet: Packet,
  draft: Draft,
  kindOf: KindOf,
  lineOf: (path: (string | number)[]) => number | undefined,
): void {
  checkLocks(packet, draft, lineOf);
  checkWorkstream(packet, draft, kindOf, lineOf);
  const { conflict_policy: policy, checkpoint_plan: plan, retry_abort: retry, validation } = packet;
  if (policy?.mode !== undefined && !MODES.includes(policy.mode)) {
    draft.warn(
      `conflict_policy.mode: ${quote(policy.mode)} is not known; it is taken for ${quote("sequential_default")}`,
      lineOf(["conflict_policy", "mode"]),
    );
  }
  if (policy?.parallel_allowed && !packet.scope.module_boundaries?.length) {
    draft.warn(
      "conflict_policy.parallel_allowed: without scope.module_boundaries nothing is proven, so it runs alone",
      lineOf(["conflict_policy", "parallel_allowed"]),
    );
  }
  const unknown = (
    list: readonly string[] | undefined,
    path: string[],
    known: (one: string) => boolean,
    what: string,
  ) => {
    list?.forEach((one, index) => {
      if (!known(one))
        draft.warn(`${path.join(".")}[${index}]: ${quote(one)} ${what}`, lineOf([...path, index]));
    });
  };
  unknown(
    plan?.required_events,
    ["checkpoint_plan", "required_events"],
    (one) => EVENT.test(one),
    "is no checkpoint that Handrail writes (start, mid, done_or_blocked)",
  );
  unknown(
    retry?.abort_on,
    ["retry_abort", "abort_on"],
    (one) => ABORT_REASONS.some((known) => known === one),
    `is not known (${ABORT_REASONS.join(", ")})`,
  );
  unknown(
    validation?.must_include,
    ["validation", "must_include"],
    canCheck,
    "cannot be checked by Handrail: it is the reviewer's",
  );
  if (!packet.session_key.includes(packet.task_id)) {
    draft.warn(
      `session_key: ${quote(packet.session_key)} does not name the task (coding:${packet.task_id})`,
      lineOf(["session_key"]),
    );
  }
}

/** Locks must be of a known kind, and nothing may be claimed outside the packet. */
function checkLocks(
  packet: Packet,
  draft: Draft,
  lineOf: (path: (string | number)[]) => number | undefined,
): void {
  packet.conflict_policy?.required_locks?.forEach((lock, index) => {
    const path = ["conflict_policy", "required_locks", index];
    const [, kind, name = ""] = LOCK.exec(lock) ?? [];
    const field = `conflict_policy.required_locks[${index}]`;
    if (kind === undefined) {
      draft.error(
        `${field}: ${quote(lock)} is no lock; write file:<path>, module:<name> or shared:<group>`,
        lineOf(path),
      );
    } else if (kind === "file" && !packet.scope.file_paths.some((one) => covers(one, name))) {
      draft.error(
        `${field}: ${quote(name)} is not in scope.file_paths, so it cannot be locked`,
        lineOf(path),
      );
    } else if (kind === "module" && !packet.scope.module_boundaries?.includes(name)) {
      draft.error(
        `${field}: ${quote(name)} is not in scope.module_boundaries, so it cannot be locked`,
        lineOf(path),
      );
    }
  });
}

function covers(claimed: string, wanted: string): boolean {
  const plain = (path: string) =>
    path
      .replaceAll("\\", "/")
      .replace(/^(\.\/)+/, "")
      .replace(/\/+$/, "");
  const [outer, inner] = [plain(claimed), plain(wanted)];
  // A pattern that is not the same word for word: the guard decides, path by path.
  return outer === inner || inner.startsWith(`${outer}/`) || /[*?[{]/.test(outer);
}

/** Workstream `test` opens test files only. */
function checkWorkstream(
  packet: Packet,
  draft: Draft,
  kindOf: KindOf,
  lineOf: (path: (string | number)[]) => number | undefined,
): void {
  if (packet.workstream !== "test") return;
  packet.scope.file_paths.forEach((path, index) => {
    const folder = path.endsWith("/") || kindOf(path.replace(/^\.\//, "")) === "directory";
    const name = folder ? `${path.replace(/\/+$/, "")}/x` : path;
    if (isTest(name) || isTest(`./${name}`)) return;
    const message = `scope.file_paths[${index}]: ${quote(path)} is no test file, and the workstream is "test"`;
    const line = lineOf(["scope", "file_paths", index]);
    if (folder || /[*?[{]/.test(path)) draft.warn(message, line);
    else draft.error(message, line);
  });
}
