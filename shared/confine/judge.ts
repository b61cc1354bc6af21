import type { RefusalCode } from "../scope/decision.ts";
import type { Answer, Change, Matcher } from "../scope/matcher.ts";
import type { Rule } from "../task/spec.ts";
import type { LayerChange } from "./layer.ts";

/** What becomes of a change: into the tree, into the tree as scratch, or to quarantine. */
export type Fate =
  | { fate: "apply" | "scratch" }
  /** In a home that lies in the repository: dropped like the rest of home. */
  | { fate: "home" }
  /** `ignored`: git ignores the path, and no more is against it than that the task does not name it. */
  | { fate: "refuse"; code: RefusalCode; rule?: Rule; detail?: string; ignored?: boolean };
export interface Judged {
  change: LayerChange;
  fate: Fate;
}

export interface JudgeInput {
  matcher: Matcher;
  /** Which paths count as scratch, and which git ignores. */
  ignored: (paths: readonly string[]) => Promise<IgnoredPaths>;
  /** Where a link of the layer leads, or what is wrong with it. */
  linkTarget: (path: string) => { path: string } | { outside: string };
  /** Whether a deleted path's content is that of a new file, for `no-rename`. */
  movedTo: (path: string, candidates: readonly LayerChange[]) => LayerChange | undefined;
  /** Whether Handrail itself runs what lies there. */
  isOwn: (path: string) => boolean;
  /** Whether a path is home's own business: home lies in the repository, or is it. */
  isHome: (path: string) => boolean;
}

export interface IgnoredPaths {
  /** @returns the scratch folder (with a slash) or file that a path lies in, or is */
  scratch(path: string): string | undefined;
  ignored(path: string): boolean;
}

/** What a refusal may rest on for the change still to count as scratch: nothing the task says outright. */
const NOT_SAID = new Set<RefusalCode>(["out-of-scope", "control-file", "git-dir"]);

/** A forbidden name (`package.json`) stands for any depth, but not for what tools install: scratch holds others' files. */
function isNotSaid(fate: Fate): boolean {
  if (fate.fate !== "refuse") return false;
  return NOT_SAID.has(fate.code) || (fate.code === "forbidden" && !fate.detail?.includes("/"));
}

/** A name in a folder that says nothing by itself: where it may be written, all of the folder may. */
const ANY = "handrail";

const OWN = "Handrail itself runs it";

/** Decides on every change of a layer, in order. */
export async function judge(changes: readonly LayerChange[], input: JudgeInput): Promise<Judged[]> {
  const judged = changes.map((change): Judged => ({ change, fate: byScope(change, input) }));
  if (input.matcher.scope.rules.includes("no-rename")) refuseMoves(judged, input);
  const open = judged.filter(({ change, fate }) => isNotSaid(fate) && !input.isOwn(change.path));
  if (open.length === 0) return judged;
  const known = await input.ignored(open.map(({ change }) => spelled(change)));
  for (const one of open) {
    const path = spelled(one.change);
    const scratch = known.scratch(path);
    if (scratch !== undefined && one.change.op !== "special" && !forbids(scratch, input)) {
      one.fate = { fate: "scratch" };
      continue;
    }
    const code = one.fate.fate === "refuse" ? one.fate.code : undefined;
    if (code === undefined || !NOT_SAID.has(code)) continue;
    if (input.isHome(one.change.path)) one.fate = { fate: "home" };
    else if (code === "out-of-scope" && known.ignored(path)) {
      one.fate = { fate: "refuse", code, ignored: true };
    }
  }
  return judged;
}

/** Whether the task forbids a scratch folder itself. */
function forbids(scratch: string, { matcher }: JudgeInput): boolean {
  const name = scratch.endsWith("/") ? `${scratch}${ANY}` : scratch;
  const answer = matcher.classify(name, "create");
  return answer.decision === "refuse" && answer.code === "forbidden";
}

function byScope(change: LayerChange, input: JudgeInput): Fate {
  const { matcher } = input;
  if (change.path === "") return { fate: "refuse", code: "out-of-scope" };
  if (input.isOwn(change.path)) return { fate: "refuse", code: "control-file", detail: OWN };
  const fate = asFate(matcher.classify(asked(change), kindOf(change)));
  if (fate.fate !== "apply") return fate;
  if (change.op === "special") return { fate: "refuse", code: "special-file", detail: change.what };
  if (change.op !== "put" || change.kind === "file") return fate;
  const target = input.linkTarget(change.path);
  if ("outside" in target) return { fate: "refuse", code: "link", detail: target.outside };
  const reached = [target.path, `${target.path}/${ANY}`].some(
    (path) => matcher.classify(path, "modify").decision === "allow",
  );
  return reached ? fate : { fate: "refuse", code: "link", detail: target.path };
}

function asFate(answer: Answer): Fate {
  if (answer.decision === "allow") return { fate: "apply" };
  const { code, rule, detail } = answer;
  return { fate: "refuse", code, ...(rule && { rule }), ...(detail !== undefined && { detail }) };
}

/** The mode of a folder is the scope's where everything in the folder is. */
function asked(change: LayerChange): string {
  return change.op === "chmod" && isFolder(change) ? `${change.path}/${ANY}` : change.path;
}

function kindOf(change: LayerChange): Change {
  switch (change.op) {
    case "delete":
    case "mkdir":
    case "rmdir":
      return change.op;
    case "chmod":
    case "touch":
      return "modify";
    case "put":
      return change.exists ? "modify" : "create";
    case "special":
      return "create";
  }
}

function isFolder(change: LayerChange): boolean {
  return change.op === "mkdir" || change.op === "rmdir" || change.op === "chmod";
}

/** As git wants it: a folder ends with a slash. */
function spelled(change: LayerChange): string {
  return isFolder(change) ? `${change.path}/` : change.path;
}

function refuseMoves(judged: Judged[], input: JudgeInput): void {
  const created = judged
    .map(({ change }) => change)
    .filter((change) => change.op === "put" && !change.exists);
  for (const one of judged) {
    if (one.change.op !== "delete") continue;
    const target = input.movedTo(one.change.path, created);
    if (!target) continue;
    const refused: Fate = { fate: "refuse", code: "rule", rule: "no-rename" };
    for (const end of judged) {
      if ((end === one || end.change === target) && end.fate.fate === "apply") end.fate = refused;
    }
  }
}
