/**
 * What the lines below a heading mean. `task`: prose that says what to do; `files`: may be written;
 * `inspect`: only read; `forbid`: not to be done; `tests`: how the work is checked; `other`: never scope.
 */
export type Kind = "task" | "files" | "inspect" | "forbid" | "tests" | "other";

export interface Label {
  kind: Kind;
  /** The label's words, plain and in lower case: a prohibition's verb may stand there ("do not read"). */
  words: string;
  /** Says little by itself ("Scope:", "Modify:", "References:"); what follows decides. */
  weak: boolean;
}

const words = (list: string) => new Set(list.trim().split(/\s+/));

const fileNouns = words(
  "file files file(s) filename filenames path paths filepath filepaths directory directories folder folders dirs module modules",
);
const writeVerbs =
  words(`modify edit change update touch create add write fix delete remove rename move extend implement
  refactor patch rewrite adjust alter replace produce generate`);
const writeForms =
  words(`modified edited changed updated touched created added written fixed deleted removed renamed moved
  extended implemented refactored affected editable writable writeable modifiable target targets targeted allowed permitted
  allow allowlist whitelist scope new changing editing modifying creating`);
const glue =
  words(`the a an to that which you we i opencode may can should must will need needs want be being are is for in of on
  only and or / - , here below above following these this those all any list source main primary output implementation please task work change changes
  it them into please expected required sole two three exactly just explicitly`);
const readWords =
  words(`inspect inspection inspected read reading read-only readonly reference references refer referenced consult
  look looking view review background context related relevant see example examples existing useful helpful study understand
  consulted viewed untouched-reference`);
const readGlue = words(
  "only first also at to for not no and do don't never modify edit change touch but them without changing it need needed purposes documentation docs code if useful",
);
const testWords =
  words(`test tests testing tests/validation validation validate verification verify verifying acceptance check
  checks commands command qa checklist validations done success gate gates`);
const testGlue =
  words(`criteria plan plans how to and or / & the run commands command cases case scenarios steps of done with by
  automated manual local before finishing you it this work required expected definition result results unit integration
  regression new add write extend update create added written for suggested quality gates gate`);

const negation =
  /^((please|you|also|and) )*(do not|don't|dont|donts|don'ts|do nots|must not|mustn't|should not|shouldn't|may not|never|avoid|shall not)\b/;
const negated = words(
  "not don't do dont donts don'ts nots must mustn't should shouldn't may never avoid shall please you also read open access inspect look reading opening and under any circumstances ever again either editing modifying changing touching",
);
const forbidden = [
  /^(files? )?out$/,
  /^(things|what|files|paths|stuff|anything|items)( that)?( you)?( to)? (not|never|avoid|must not|may not|should not|do not|don't)\b/,
  /^(things|stuff|what) to avoid$/,
  /^(strictly |explicitly |absolutely )?(forbidden|prohibited|prohibitions?|off[- ]limits|out[- ]of[- ]scope|not in scope|not allowed|disallowed|excluded?|exclusions?|non[- ]?goals?|not goals|anti[- ]goals|denied|deny|denylist|blacklist|blocklist|frozen|untouchable|protected|hands off|no[- ]go|no[- ]touch|unchanged|no changes|leave alone|leave unchanged|leave untouched|keep unchanged|leave as is|not to be (changed|modified|touched|edited))( (for this task|in this task|files?|paths?|areas?|zones?|changes|actions|things|list|items|in|to|directories|folders|work|here|and|or|\/|code|these|the|following|commands|operations))*$/,
  /^(files|paths|directories|folders|code|parts|areas|modules)( that| which)?( are| is| must| should| may| have| to| need| you)*( (not|never)( to)?( be)? (modify|change|edit|touch|modified|changed|edited|touched|write|written|in scope)|( stay| remain| leave| keep| be| left)* (off[- ]limits|out[- ]of[- ]scope|forbidden|frozen|alone|unchanged|untouched|protected|as is))( .{0,30})?$/,
];
/** Sentences that head a list: "The following files must not be changed", "These are for reference only". */
const forbidSentence =
  /\b(not|never|cannot|can't|don't|no)\b.*\b(chang|modif|edit|touch|alter|writ|updat|delet|remov|renam|mov|read|open|creat)\w*\b|\b(off[- ]limits|out of scope|forbidden|untouched|unchanged|left alone|as (they are|it is|is))\b/;
const inspectSentence =
  /\b(for reference|reference only|read[- ]only|only (be )?(inspect|read)|inspect(ed)? only)\b/;
const pointer = /\b(following|these|below|files?|paths?|folders?|director(y|ies))\b/;
const inspectStart =
  /^(files (to|for) )?(read|inspect|look|for reference|reference|references|context files|files for|see|view|consult)\b/;
const taskLabels =
  /^(the )?((your )?(task|job|goal|objective|request|prompt|assignment|mission)|title|(task )?(title|description|statement)|what( to do)?|to ?do|(please )?(do|make|apply|implement) (the following|this|these)( changes?)?|instructions?)$/;
const otherLabels =
  /^(context|background|(the |current |desired |expected |new |required |requested |proposed |suggested |needed |detailed |code )*(changes?|requirements?|behaviou?rs?|state|situation|functionality|features?|implementation|design|approach|solution|problem|steps?|plan|specs?|specification|details?|notes?|hints?|guidance|guidelines?|constraints?|rules|restrictions?|limitations?|conventions?|motivation|overview|summary|introduction|interfaces?|api|examples?|questions?|risks?|deliverables?|output|style|environment|setup|dependencies|assumptions?|considerations?|edge cases?|errors?|bugs?|symptoms?|root cause|analysis|findings|history|why|how|where|tips|remarks?|comments?|reporting|report|workflow|process|priority|owner|author|date|status|ticket|issue|links?|glossary|important|warning|caution|attention|additional information|user story)( (guidance|notes?|details?|plan|steps?|hints?|to make|to implement|needed|required|and|or|\/|&|guidelines|constraints|requirements|requested|information|context|changes))*)$/;

/**
 * Reads a label: the words of a heading without marks, numbers or colon.
 * @param strict without colon or marks, a sentence is no heading
 * @returns undefined for words that are none of the known headings
 */
export function readLabel(text: string, strict = false): Label | undefined {
  if (text.length > 120) return undefined;
  const { label, qualifier } = plainLabel(text);
  if (label === "") return undefined;
  const found = kindOfLabel(label) ?? (strict ? undefined : kindOfSentence(label));
  if (!found) return undefined;
  if (found.kind === "files" && qualifier) {
    if (/^(do not|don't|never|not to|must not)\b/.test(qualifier))
      return { ...found, kind: "forbid", words: qualifier };
    if (
      /\b(read[- ]?only|inspect|reference|context|do not|don't|not)\b/.test(qualifier) &&
      !/\b(others?|else|more|anything)\b/.test(qualifier)
    )
      return { ...found, kind: "inspect", weak: false };
  }
  return found;
}

function kindOfLabel(label: string): Label | undefined {
  const as = (kind: Kind, weak = false): Label => ({ kind, words: label, weak });
  const tokens = label.split(" ");
  if (tokens.length > 12) return undefined;
  const every = (...sets: Set<string>[]) => tokens.every((token) => sets.some((set) => set.has(token)));
  const some = (set: Set<string>) => tokens.some((token) => set.has(token));
  if (negation.test(label)) {
    if (!every(negated, writeVerbs, glue, fileNouns)) return undefined;
    // "Do not create files: ..." says all there is to say; "Do not modify these files:" heads a list.
    const points = tokens.some((token) => /^(these|following|this|those|below|above|listed)$/.test(token));
    const complete =
      /\b(create|add|delete|remove|rename|move|generate|produce)\b.*\bfiles?\b|\b(any|all|every)\b(?! circumstances)/.test(
        label,
      );
    return complete && !points ? undefined : as("forbid");
  }
  if (forbidden.some((shape) => shape.test(label))) return as("forbid");
  if (taskLabels.test(label)) return as("task");
  if (otherLabels.test(label)) return as("other");
  if (label === "run" || label === "run before finishing") return as("tests");
  if (some(readWords) && every(readWords, readGlue, fileNouns, glue)) {
    const named = some(fileNouns) || inspectStart.test(label);
    const soft = !/\b(inspect|read|only)\b/.test(label);
    if (named || /^(see also|related|relevant|existing code)/.test(label)) return as("inspect", soft);
  }
  if (some(testWords) && every(testWords, testGlue, fileNouns)) {
    const toWrite = some(fileNouns) && some(writeVerbs);
    return toWrite ? as("files") : as("tests");
  }
  if (every(fileNouns, writeVerbs, writeForms, glue, testWords)) {
    if (some(fileNouns)) return as("files");
    if (some(writeForms) || some(writeVerbs)) return as("files", true);
  }
  return undefined;
}

function kindOfSentence(label: string): Label | undefined {
  if (!pointer.test(label) || label.split(" ").length > 14) return undefined;
  if (inspectSentence.test(label)) return { kind: "inspect", words: label, weak: false };
  return forbidSentence.test(label) ? { kind: "forbid", words: label, weak: false } : undefined;
}

/** The label without numbering, emphasis and other marks; a remark in parentheses apart. */
function plainLabel(text: string): { label: string; qualifier: string } {
  let label = text
    .toLowerCase()
    .replace(/[*_`~"“”]+/g, (mark) => (mark.includes("_") ? " " : ""))
    .replace(/[’‘]/g, "'")
    .replace(/^[^a-z0-9(]+/, "")
    .replace(/^(?:step \d+|\d+(?:\.\d+)*[.)]?|[a-h][.)]|[ivx]+[.)])\s+/, "")
    .replace(/^[^a-z0-9(]+/, "")
    .trimEnd();
  let qualifier = "";
  label = label.replace(/[\s:]+$/, "");
  const open = label.indexOf("(");
  if (open > 0 && label.endsWith(")") && label[open - 1] === " ") {
    qualifier = label.slice(open + 1, -1).trim();
    label = label.slice(0, open);
  } else {
    const dash = /\s[-–—]+\s/.exec(label) ?? /,\s/.exec(label);
    if (dash) {
      qualifier = label.slice(dash.index + dash[0].length).trim();
      label = label.slice(0, dash.index);
    }
  }
  label = label
    .replace(/[=\-–—#:.!>\]]+$/, "")
    .replace(/\s*&\s*/g, " and ")
    .replace(/\s*\/\s*/g, " / ")
    .replace(/\s+/g, " ")
    .trim();
  return { label, qualifier };
}
