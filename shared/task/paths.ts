import { type Item, lineAt } from "./items.ts";
import { type KindOf, pathOf } from "./names.ts";
import { isDash, show, type Token, tokenize } from "./tokens.ts";
import {
  conjunctions,
  determiners,
  fileNouns,
  patternsOfLanguage,
  prepositions,
  softNouns,
  stops,
  verbOf,
} from "./words.ts";

/** A path as the task has it, and where. */
export interface NamedPath {
  raw: string;
  line: number;
}

/** What one item of a list of files says. */
export interface FileItem {
  paths: NamedPath[];
  /** "(except X)"; `words` where no file could be read from it. */
  except: NamedPath[];
  exceptWords: string[];
  /** "src/api/ (only client.ts)": names below the item's own path. */
  only: NamedPath[];
  /** The comment says that the file is not to be changed: "(read only)", "- do not modify". */
  keep: "inspect" | "forbid" | undefined;
  /** The item asks for all there is. */
  everything: boolean;
  /** Some path stands in it, though it does not say that the path may be changed. */
  mentions: NamedPath[];
}

const leadWords = new Set(
  `you may also can should please new optional optionally m a d r mod add'l this following source target main primary unit
  integration regression its their in to under inside within below of at for-new and then possibly maybe if-needed file: handler
  implementation impl src frontend backend client server tests: docs: code`.split(/\s+/),
);
const deniedLabels =
  /\b(note|see|like|references?|ref|except|not|never|unchanged|keep|examples?|compare|cf|model|pattern|context|hint|warning|from|based|similar|unlike|using|imports?|uses?|read|inspect|do|don't|no|without|leave|forbidden|avoid)\b/;
/** What may be said of a file before a colon; an unknown label could mean the opposite ("Legacy:", "out:"). */
const labels = new Set(
  `handler handlers controller controllers view views component components router route routes hook hooks store stores util utils
  utility utilities helper helpers type types schema style styles stylesheet css html template templates entry entrypoint point
  cli library lib workflow ci readme changelog spec specs fixture fixtures i18n locale locales translation translations service
  services middleware parser client-side server-side database db migration migrations header headers function functions
  page pages layout form forms widget widgets interface api ui logic core setup script scripts job worker endpoint`.split(
    /\s+/,
  ),
);
const exceptWord = /^(except|excepting|excluding|excludes|exclude|minus|besides)$/;
const keepsAsInspect =
  /^(is |stays |strictly |just |only )*(read[- ]?only|inspect( only)?|(for )?(reference|context|inspection|reading|background)( only)?|only (for )?(reference|context|reading)|look only|view only|to (read|inspect)( only)?|only to (read|inspect)|read)\b(?! (the|from|it))/;
const keepsAsForbidden =
  /^(please )?((do not|don't|never|must not|not to be|should not be|must not be|may not be) (be )?(modify|edit|touch|change|modified|edited|touched|changed)( (it|this|this file|the file|them|at all))?|unchanged|untouched|leave (it )?(unchanged|alone|as is|untouched)|stays? (unchanged|as (it )?is)|no changes?( needed| necessary)?|off[- ]limits|out of scope|forbidden)\s*$/;

/** Reads an item of a list of files. Paths in its comment are not in it. */
export function readFileItem(item: Item, kindOf: KindOf): FileItem {
  const result: FileItem = {
    paths: [],
    except: [],
    exceptWords: [],
    only: [],
    keep: undefined,
    everything: false,
    mentions: [],
  };
  if (item.text.startsWith("|")) return readRow(item, kindOf, result);
  const tokens = tokenize(item.text);
  const spaced = spacedPath(tokens, item, kindOf);
  if (spaced) {
    result.paths.push({ raw: spaced.raw, line: lineAt(item, 0) });
    readComment(tokens.slice(spaced.length), item, kindOf, result);
    return result;
  }
  result.everything = asksForAll(tokens);
  const first = findFirst(tokens, item, kindOf);
  if (first === undefined) {
    if (exceptWord.test(tokens[0]?.lower ?? "") || (tokens[0]?.lower === "but" && tokens[1]?.lower === "not"))
      readComment(tokens, item, kindOf, result);
    for (const token of tokens) {
      const raw = pathOf(token, "prose", kindOf);
      if (raw !== undefined) result.mentions.push({ raw, line: lineAt(item, token.offset) });
    }
    return result;
  }
  const set = fileSet(tokens, first, kindOf);
  if (set) {
    const line = lineAt(item, tokens[first]?.offset ?? 0);
    for (const raw of set.patterns) result.paths.push({ raw, line });
    readComment(tokens.slice(set.end), item, kindOf, result);
    return result;
  }
  const end = readList(tokens, first, item, kindOf, result);
  readComment(tokens.slice(end), item, kindOf, result);
  return result;
}

/** Reads the paths that follow each other from `first` on. @returns the index after the last */
function readList(
  tokens: readonly Token[],
  first: number,
  item: Item,
  kindOf: KindOf,
  result: FileItem,
): number {
  const renames = tokens.slice(0, first).some((token) => verbOf(token.lower)?.act === "rename");
  let at = first;
  while (at < tokens.length) {
    const token = tokens[at];
    const raw = token && folderOf(tokens, at, pathOf(token, "list", kindOf));
    if (!token || raw === undefined) return at;
    (raw.startsWith("!") ? result.except : result.paths).push({
      raw: raw.replace(/^!/, ""),
      line: lineAt(item, token.offset),
    });
    at++;
    if (token.tail === ":" || token.tail === ".") return at;
    const skipped = skipRemark(tokens, at);
    const after = tokens[skipped];
    if (skipped > at) {
      const inner = tokens.slice(at, skipped);
      readComment(inner, item, kindOf, result);
      if (
        inner.at(-1)?.tail !== "," &&
        !isJoint(after) &&
        !(after && inner.at(-1)?.tail === "" && isPlainPath(after, kindOf))
      )
        return skipped;
      at = skipped;
    }
    let next = at;
    while (
      isJoint(tokens[next]) ||
      (renames && tokens[next]?.lower === "to") ||
      /^(->|→|=>)$/.test(tokens[next]?.text ?? "")
    )
      next++;
    const joined = next > at || token.tail === "," || token.tail === ";" || skipped > at;
    const path = tokens[next];
    if (path && isPlainPath(path, kindOf)) at = next;
    else if (joined && path) {
      const found = findFirst(tokens.slice(next), item, kindOf, 5);
      if (found === undefined || !startsPhrase(path)) return at;
      at = next + found;
    } else return at;
  }
  return at;
}

/** "the src/foo folder", "folder src/foo": the path of a folder ends with a slash. */
export function folderOf(tokens: readonly Token[], at: number, raw: string | undefined): string | undefined {
  const isFolder = [tokens[at - 1], tokens[at + 1]].some((token) =>
    /^(folders?|director(y|ies)|dir)$/.test(token?.lower ?? ""),
  );
  if (raw === undefined || !isFolder || /[/\\*]$|\.\w{1,5}$/.test(raw)) return raw;
  return `${raw}/`;
}

function startsPhrase(token: Token): boolean {
  return (
    determiners.has(token.lower) ||
    fileNouns.has(token.lower) ||
    leadWords.has(token.lower) ||
    verbOf(token.lower)?.form === "base"
  );
}

function isPlainPath(token: Token, kindOf: KindOf): boolean {
  return !token.opens && pathOf(token, "prose", kindOf) !== undefined;
}

function isJoint(token: Token | undefined): boolean {
  return token !== undefined && !token.code && conjunctions.has(token.lower);
}

/** The index after a remark in parentheses that begins at `at`; `at` itself where there is none. */
function skipRemark(tokens: readonly Token[], at: number): number {
  if (!tokens[at]?.opens) return at;
  let end = at;
  while (end < tokens.length && !tokens[end]?.closes) end++;
  return Math.min(end + 1, tokens.length);
}

/** Where the first path of the item stands, if only words that may lead up to it come before. */
function findFirst(tokens: readonly Token[], _item: Item, kindOf: KindOf, limit = 9): number | undefined {
  let labelled = false;
  for (let at = 0; at < Math.min(tokens.length, limit); at++) {
    const token = tokens[at];
    if (!token) return undefined;
    const alone = at === 0 || labelled || token.code || (at > 0 && isLead(tokens[at - 1]));
    const raw = pathOf(token, alone && (at === 0 || token.code || labelled) ? "list" : "prose", kindOf);
    if (raw !== undefined && !(at === 0 && isOnlyWord(token, tokens[1]))) return at;
    if (isLead(token)) {
      const place = at === 0 ? placeAfterNoun(tokens, kindOf) : undefined;
      if (place !== undefined) return place;
      continue;
    }
    const label = labelEnd(tokens, at, kindOf);
    if (at > 0 || label === undefined) return undefined;
    at = label;
    labelled = true;
  }
  return undefined;
}

/** "the helper in src/x.ts": the index of the path. */
function placeAfterNoun(tokens: readonly Token[], kindOf: KindOf): number | undefined {
  if (!/^(the|its|their|a)$/.test(tokens[0]?.lower ?? "")) return undefined;
  const at = tokens.findIndex((token, index) => index > 1 && token.lower === "in");
  if (at < 0 || at > 4) return undefined;
  const before = tokens.slice(0, at);
  if (before.some((token) => token.tail !== "" || isDash(token))) return undefined;
  const path = tokens[at + 1];
  const denied = deniedLabels.test(before.map((token) => token.lower).join(" "));
  return path && !denied && isPlainPath(path, kindOf) ? at + 1 : undefined;
}

/** "Makefile targets" begins with a word, not with a path, unless it stands alone or before a remark. */
function isOnlyWord(token: Token, next: Token | undefined): boolean {
  if (token.code || /[./\\*]/.test(token.text)) return false;
  return !(next === undefined || token.tail !== "" || next.opens || isDash(next) || isJoint(next));
}

/** Where a label of a few words ends ("Handler:", "Retry loop -") before a path. */
function labelEnd(tokens: readonly Token[], from: number, kindOf: KindOf): number | undefined {
  for (let at = from; at < Math.min(tokens.length - 1, from + 4); at++) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (!token || !next || pathOf(token, "prose", kindOf) !== undefined) return undefined;
    const ends = token.tail === ":" || (at > from && isDash(token));
    if (!ends) continue;
    const words = tokens.slice(from, at + 1).filter((one) => !isDash(one));
    const known = words.every((one) => labels.has(one.lower) || isLead(one));
    return known && pathOf(next, "list", kindOf) !== undefined ? at : undefined;
  }
  return undefined;
}

function isLead(token: Token | undefined): boolean {
  if (!token || token.code) return false;
  if (token.opens && token.closes)
    return /^(new|modify|edit|create|delete|add|update|m|a|d|r|optional|test|tests)$/.test(token.lower);
  if (/^\[[\w ]{1,10}\]$/.test(token.text)) return true;
  if (isDash(token)) return false;
  const verb = verbOf(token.lower);
  const writes =
    verb && verb.act !== "other" && verb.act !== "read" && verb.act !== "run" && verb.act !== "network";
  return (
    (writes && verb.form !== "gerund") ||
    determiners.has(token.lower) ||
    fileNouns.has(token.lower) ||
    softNouns.has(token.lower) ||
    leadWords.has(token.lower)
  );
}

/** "all `.ts` files under src/", "every Markdown file in docs/". */
function fileSet(
  tokens: readonly Token[],
  first: number,
  kindOf: KindOf,
): { patterns: string[]; end: number } | undefined {
  const token = tokens[first];
  const noun = tokens[first + 1]?.lower ?? "";
  if (!token || !/^(files?|sources?|tests?)$/.test(noun)) return undefined;
  const patterns = setPatterns(token);
  if (!patterns) return undefined;
  const place = tokens[first + 2]?.lower ?? "";
  const folder = tokens[first + 3];
  const raw =
    folder && /^(in|under|below|inside|within|beneath)$/.test(place)
      ? pathOf(folder, "list", kindOf)
      : undefined;
  if (raw === undefined) return { patterns: [...patterns], end: first + 2 };
  const deep = place === "in" ? "" : "**/";
  return { patterns: patterns.map((one) => `${raw.replace(/[/\\]+$/, "")}/${deep}${one}`), end: first + 4 };
}

/** The patterns of `.ts`, `*.ts` or "Markdown" before the word "files". */
export function setPatterns(token: Token): readonly string[] | undefined {
  const ending = /^\*?(\.[a-z0-9]+(?:\.[a-z0-9]+)*)$/.exec(token.text)?.[1];
  if (ending) return [`*${ending}`];
  return patternsOfLanguage(token.lower);
}

/** What stands after the paths: exceptions, "only ...", and whether the file is to be left as it is. */
function readComment(rest: readonly Token[], item: Item, kindOf: KindOf, result: FileItem): void {
  const words = rest.filter((token) => !isDash(token));
  const plain = words.map((token) => token.lower).join(" ");
  if (keepsAsForbidden.test(plain)) result.keep = "forbid";
  else if (keepsAsInspect.test(plain)) result.keep = "inspect";
  if (words[0]?.lower === "only" || words[0]?.lower === "just") {
    for (const token of words.slice(1)) {
      const raw = pathOf(token, "list", kindOf);
      if (raw !== undefined && (/[./\\*]/.test(raw) || token.code))
        result.only.push({ raw, line: lineAt(item, token.offset) });
      else if (!isJoint(token)) break;
    }
  }
  for (let at = 0; at < rest.length; at++) {
    const token = rest[at];
    const isNot = token?.lower === "not" && pathOf(rest[at + 1] ?? token, "prose", kindOf) !== undefined;
    const length = token ? exceptionAt(rest, at) || (isNot ? 1 : 0) : 0;
    if (!token || length === 0) continue;
    const near = at === 0 || token.opens || (at === 1 && isDash(rest[0] ?? token));
    const found = readExceptions(rest.slice(at + length), item, kindOf, near);
    result.except.push(...found.paths);
    if (found.paths.length === 0 && near) result.exceptWords.push(show(rest.slice(at + length)));
    return;
  }
}

/** How many words say "except" here: "except (for)", "but not", "other than", "apart from", "without". */
export function exceptionAt(tokens: readonly Token[], at: number): number {
  const [one = "", two = "", three = ""] = [0, 1, 2].map((step) => tokens[at + step]?.lower ?? "");
  if (exceptWord.test(one)) return /^(for|from|in|the)$/.test(two) ? 2 : 1;
  if (one === "but" && two === "not") return /^(for|in)$/.test(three) ? 3 : 2;
  if (one === "without") return verbOf(two) ? 0 : 1;
  if (one === "not" && /^(including|counting)$/.test(two)) return 2;
  if (/^(other|apart|aside)$/.test(one) && /^(than|from)$/.test(two)) return 2;
  return 0;
}

/** The files after "except": paths, and plain names where `names` says that a name can stand there. */
export function readExceptions(
  tokens: readonly Token[],
  item: Item,
  kindOf: KindOf,
  names: boolean,
): { paths: NamedPath[]; end: number } {
  const paths: NamedPath[] = [];
  let at = 0;
  for (; at < tokens.length; at++) {
    const token = tokens[at];
    if (!token || isDash(token)) break;
    const raw =
      pathOf(token, names ? "list" : "prose", kindOf) ?? (names ? plainName(tokens, at) : undefined);
    if (raw !== undefined) {
      paths.push({ raw, line: lineAt(item, token.offset) });
      const next = tokens[at + 1];
      const goesOn =
        token.tail === "," || isJoint(next) || (next && pathOf(next, "prose", kindOf) !== undefined);
      if (token.tail !== ";" && !goesOn) return { paths, end: at + 1 };
    } else if (stops.has(token.lower) && token.lower !== "for") break;
    else if (
      !isJoint(token) &&
      !determiners.has(token.lower) &&
      !fileNouns.has(token.lower) &&
      !prepositions.has(token.lower) &&
      !softNouns.has(token.lower) &&
      token.lower !== "for"
    )
      break;
    if (token.closes || token.tail === ";" || token.tail === "." || token.tail === ":") {
      at++;
      break;
    }
  }
  return { paths, end: at };
}

/** A single word as a name: "except legacy", "except the vendor folder". */
function plainName(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  if (!token || !/^[\w.@-]+$/.test(token.text) || determiners.has(token.lower) || fileNouns.has(token.lower))
    return undefined;
  const next = tokens[at + 1];
  const ends = token.closes || token.tail !== "" || next === undefined || isJoint(next);
  const folder = next !== undefined && /^(folder|directory|dir|file|package|module)$/.test(next.lower);
  return ends || folder || token.code ? token.text : undefined;
}

/** A path with spaces that is not quoted: only where nothing else can be meant. */
function spacedPath(
  tokens: readonly Token[],
  item: Item,
  kindOf: KindOf,
): { raw: string; length: number } | undefined {
  const start = tokens[0];
  if (!start || start.code || start.tail !== "" || verbOf(start.lower) || determiners.has(start.lower))
    return undefined;
  for (let at = 1; at < Math.min(tokens.length, 6); at++) {
    const token = tokens[at];
    if (
      !token ||
      token.code ||
      token.opens ||
      isDash(token) ||
      isJoint(token) ||
      stops.has(token.lower) ||
      prepositions.has(token.lower)
    )
      return undefined;
    const last = tokens[at];
    const raw = item.text.slice(start.offset, (last?.offset ?? 0) + (last?.text.length ?? 0));
    const likely = /[/\\]/.test(raw) || /\.\w{1,6}$/.test(token.text);
    if (likely && kindOf(raw.replace(/\\/g, "/").replace(/^\.\//, "").replace(/\/$/, "")) !== undefined)
      return { raw, length: at + 1 };
    const next = tokens[at + 1];
    const ends = next === undefined || next.opens || isDash(next) || token.tail === ":";
    const begins = /[/\\]/.test(start.text) && !/\.\w{1,5}$|[/\\]$|\*/.test(start.text);
    if (ends && begins && /[/\\]?[\w-]+\.\w{1,6}$/.test(token.text)) return { raw, length: at + 1 };
    if (token.tail !== "") return undefined;
  }
  return undefined;
}

function asksForAll(tokens: readonly Token[]): boolean {
  const words = tokens
    .slice(0, 9)
    .map((token) => token.lower)
    .join(" ");
  return /^(everything|all|any|all files|any files?|anything|every file|all of it|as needed|whatever is needed|whatever you need|(all files in |everything in |any file in )?(the |this )?(whole |entire )?(repo|repository|codebase|code base|project|source tree))( (needed|necessary|you need|required))?$/.test(
    words,
  );
}

/** A row of a Markdown table: the first cell that begins with a path; the others are its comment. */
function readRow(item: Item, kindOf: KindOf, result: FileItem): FileItem {
  if (/^[\s|:-]+$/.test(item.text)) return result;
  const cells = item.text
    .replace(/^\|/, "")
    .split("|")
    .map((cell) => cell.trim());
  for (const [index, cell] of cells.entries()) {
    const inner = readFileItem({ ...item, text: cell, starts: item.starts.slice(0, 1) }, kindOf);
    if (inner.paths.length === 0) continue;
    for (const other of cells.filter((_, at) => at !== index))
      readComment(tokenize(other), item, kindOf, inner);
    return inner;
  }
  return result;
}
