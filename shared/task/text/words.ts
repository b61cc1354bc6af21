/** What a verb does to files, as far as a scope can hold it. */
export type Act =
  | "change"
  /** Changes part of a file: said of an allowed file it speaks of how, not of whether. */
  | "partial"
  | "create"
  | "delete"
  | "rename"
  | "stage"
  | "commit"
  | "read"
  | "depend"
  | "network"
  | "run"
  | "other";

const byAct: Record<Act, string> = {
  change: `modify change edit touch alter update overwrite patch amend adjust tweak fix extend replace convert migrate
    rework adapt correct modernize upgrade-in-place affect mutate manipulate`,
  partial: `reformat format refactor restructure rewrite reorder reorganize simplify clean tidy lint optimize improve
    document beautify prettify modularize split merge extract inline swap translate port annotate polish expand shorten`,
  create: "create add introduce generate make write produce append insert put place build define",
  delete: "delete remove drop erase unlink discard",
  rename: "rename move relocate",
  stage: "stage unstage",
  commit: "commit",
  read: "read open look view inspect access print examine cat peek load parse consult",
  depend: "install upgrade downgrade bump vendor pull",
  network: "download fetch connect contact ping curl",
  run: "run execute use call invoke issue perform start",
  other: `break introduce-bugs rely depend import export copy duplicate disable skip mock stub hard-code hardcode push
    merge-branches amend-history rebase reset revert stash tag log expose leak assume guess invent ask wait stop leave
    keep return throw swallow catch ignore include exclude expand reuse pass allow set implement handle support test
    cover extend-scope publish deploy release submit report print-out mention refer suppress weaken bypass circumvent
    weaken-tests comment work go enter step venture attempt try begin proceed exceed mix combine apply enable turn switch store cache block wrap emit send output`,
};

const irregular: Record<string, readonly string[]> = {
  write: ["written", "wrote"],
  overwrite: ["overwritten"],
  rewrite: ["rewritten"],
  read: ["read"],
  make: ["made"],
  run: ["run"],
  put: ["put", "putting"],
  set: ["set", "setting"],
  split: ["split", "splitting"],
  drop: ["dropped", "dropping"],
  swap: ["swapped", "swapping"],
  commit: ["committed", "committing"],
  build: ["built"],
  leave: ["left"],
  keep: ["kept"],
  break: ["broken"],
};

export interface Verb {
  base: string;
  act: Act;
  form: "base" | "gerund" | "participle";
}

const forms = new Map<string, Verb>();
for (const act of [
  "other",
  "run",
  "network",
  "depend",
  "read",
  "partial",
  "rename",
  "delete",
  "create",
  "stage",
  "commit",
  "change",
] as const) {
  for (const base of byAct[act].trim().split(/\s+/)) {
    for (const participle of [...participles(base), ...(irregular[base] ?? [])])
      forms.set(participle, { base, act, form: "participle" });
    const short = irregular[base]?.find((form) => form.endsWith("ing"));
    forms.set(short ?? gerund(base), { base, act, form: "gerund" });
    forms.set(base, { base, act, form: "base" });
  }
}

function gerund(base: string): string {
  return `${/[^e]e$/.test(base) ? base.slice(0, -1) : base === "run" ? "runn" : base}ing`;
}

function participles(base: string): string[] {
  if (/[^aeiou]y$/.test(base)) return [`${base.slice(0, -1)}ied`];
  return [base.endsWith("e") ? `${base}d` : `${base}ed`];
}

/** The verb that a word (in lower case) is, in any form: "touching" -> touch. */
export function verbOf(word: string): Verb | undefined {
  return forms.get(word);
}

const set = (list: string) => new Set(list.trim().split(/\s+/));

export const determiners = set(
  "the a an any all every each some no this that these those its their our your my his both either neither other another existing current same entire whole such only also",
);
export const prepositions = set(
  "in on of from to at inside under within into below beneath across throughout by with for using like as than about via around between through against onto upon off over beyond outside without near regarding concerning matching",
);
/** Where something is: after these a path is the place of a change. */
export const places = set("in to into inside within at under of below beneath across throughout on from");
/** What comes after these says why, when or how, not what. */
export const stops =
  set(`because since so that which who whose where when while if unless until although though even as like see per
  according following based similar than instead rather matching mirroring before after then once due lest except but just simply
  unlike whereas e.g i.e etc for`);
export const conjunctions = set("and or nor & + / plus and/or as-well-as");
/** Nouns that mean the file itself, or what is in it as a whole. */
export const fileNouns =
  set(`file files anything everything something nothing code content contents folder folders directory
  directories dir tree subtree package packages module modules path paths source sources script scripts line lines
  part parts stuff things thing class classes component components implementation implementations files/folders
  files/directories crate crates library area areas project text document documents page pages workspace subfolder
  subfolders subdirectory subdirectories layer one ones any all rest header headers`);
/** Nouns that mean a file or what a file says, as the case may be. */
export const softNouns =
  set(`test tests config configuration configurations configs settings schema schemas docs documentation fixture
  fixtures snapshot snapshots migration migrations workflow workflows manifest manifests lockfile lockfiles data template
  templates asset assets style styles example examples database resources pipeline pipelines`);

export const universal = set("anything everything something nothing files file code paths things stuff");

/** Verbs of work that are none in a prohibition. */
const workVerbs =
  set(`implement set support handle cover use enable disable wrap apply turn switch speed finish complete work save
  store cache expose return throw emit mark resolve address revise reduce increase bring give let start stop debug hook wire
  round sort bound copy duplicate repair revert restore enhance harden redesign populate tune restyle redo rebuild regenerate
  refresh retry debounce throttle paginate memoize batch sanitize escape normalize serialize deserialize encode decode
  compress inject initialize register unregister subscribe truncate trim clamp reject accept require await lazy-load preload
  prefetch sort filter group localize style center align animate highlight silence dispose encrypt decrypt hash
  authenticate authorize rate-limit seed label deprecate pin lower raise widen narrow loosen tighten relax
  parameterize parametrize abstract decouple clear flush shrink compute calculate measure record track instrument
  respond redirect mount persist sync synchronize flatten unwrap attach detach bind forward propagate catch rethrow
  resume pause cancel abort terminate warn notify skip log retain detect parse format
  parallelize consolidate unify generalize deduplicate describe explain mention note list output export open go navigate take get hide show render reimplement transform replace swap strip guard limit cap`);

/** Whether a word, at the beginning of a clause, tells to change something. */
export function isWriteVerb(word: string): boolean {
  const verb = forms.get(word);
  if (verb?.form === "base" && /^(change|partial|create|delete|rename|depend)$/.test(verb.act)) return true;
  return workVerbs.has(word);
}

/** What may stand before the verb that tells what to do: "Please", "Your task is to". */
export const preludes =
  set(`please then also next first second third finally now just kindly lastly additionally and simply to your
  task is job goal the objective i we you want need should must can could would will like let's let us have has my it's step this
  may help me try afterwards so again are allowed permitted free asked`);

const languages: Record<string, readonly string[]> = {
  markdown: ["*.md", "*.mdx"],
  yaml: ["*.yml", "*.yaml"],
  json: ["*.json"],
  toml: ["*.toml"],
  css: ["*.css"],
  html: ["*.html"],
  sql: ["*.sql"],
  typescript: ["*.ts", "*.tsx", "*.mts", "*.cts"],
  javascript: ["*.js", "*.jsx", "*.mjs", "*.cjs"],
  python: ["*.py"],
  go: ["*.go"],
  rust: ["*.rs"],
  java: ["*.java"],
  proto: ["*.proto"],
  protobuf: ["*.proto"],
  shell: ["*.sh"],
};

/** The patterns of "Markdown files". */
export function patternsOfLanguage(word: string): readonly string[] | undefined {
  return Object.hasOwn(languages, word) ? languages[word] : undefined;
}
