import { posix } from "node:path";
import type { Outcome } from "./case-worker.ts";
import { type Case, isInScope, isMissed, isScratch } from "./cases.ts";

/** What a command says by itself when it may not write. */
const SYSTEM_WORDS = /read-only file ?system|EROFS|permission denied|EACCES|EPERM|operation not permitted/i;
/** Not there on this machine, so that the case shows nothing. */
const MISSING = 127;

/** What a free run of the case did, in words; to be compared with what the case says of itself. */
export function effectOf({ changed, git }: Outcome): Case["effect"] {
  if (changed.some(isMissed) || git.length > 0) return "violates";
  return changed.some(isInScope) ? "in_scope" : "read_only";
}

/**
 * Compares a held run of a case with a free one.
 * @returns what is wrong with the held one, each a sentence; [] when nothing is
 */
export function problemsOf(one: Case, bare: Outcome, held: Outcome): string[] {
  const problems: string[] = [];
  const leaked = held.changed.filter((path) => !isInScope(path) && !isScratch(path));
  if (leaked.length > 0) problems.push(`leaked: ${leaked.join(", ")}`);
  if (held.git.length > 0) problems.push(`leaked: git ${held.git.join(", ")}`);
  if (bare.code === MISSING && one.effect !== "violates") return problems;
  const benign = one.effect !== "violates";
  if (benign && held.code !== bare.code) problems.push(`code ${held.code}, not ${bare.code}: ${held.stderr}`);
  if (benign && !one.varies && held.stdout !== bare.stdout) {
    problems.push(
      `stdout ${JSON.stringify(held.stdout.slice(0, 300))}, not ${JSON.stringify(bare.stdout.slice(0, 300))}`,
    );
  }
  if (!one.varies && !(one.hangs && !benign)) problems.push(...scopeProblems(bare, held));
  if (bare.changed.some(isMissed) || bare.git.length > 0) {
    const failed = held.code !== 0 && held.stderr !== "";
    const said = failed || held.stderr.includes("handrail:") || SYSTEM_WORDS.test(held.stderr + held.stdout);
    // Some commands throw away what they are told.
    if (!said && !/2> ?\/dev\/null|>\/dev\/null 2>&1|2>&-|&> ?\/dev\/null/.test(one.cmd)) {
      problems.push(`nothing said: ${held.code} ${held.stderr}`);
    }
  } else if (benign && !hasLeftOut(bare, held) && /not applied/.test(held.stderr))
    problems.push(`said for nothing: ${held.stderr}`);
  return problems;
}

/** What is never brought in, by design: fifos and the like, links that lead out; a folder with something forbidden stays. */
function staysOut(name: string, bare: Outcome, held: Outcome): boolean {
  if (held.inScope[name] !== undefined) return false;
  const free = bare.inScope[name] ?? "";
  if (free.startsWith("special ") || name === "repo/src/lib/") return true;
  if (!free.startsWith("link ")) return false;
  return !isInScope(posix.resolve("/", posix.dirname(name), free.slice("link ".length)).slice(1));
}

function hasLeftOut(bare: Outcome, held: Outcome): boolean {
  return Object.keys(bare.inScope).some((name) => staysOut(name, bare, held));
}

function scopeProblems(bare: Outcome, held: Outcome): string[] {
  const names = [...new Set([...Object.keys(bare.inScope), ...Object.keys(held.inScope)])];
  return names
    .filter((name) => bare.inScope[name] !== held.inScope[name] && !staysOut(name, bare, held))
    .map((name) => `in scope ${JSON.stringify(name)}: ${held.inScope[name]}, not ${bare.inScope[name]}`);
}
