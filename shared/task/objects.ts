import type { Item } from "./items.ts";
import { type KindOf, pathOf } from "./names.ts";
import { exceptionAt, type NamedPath, readExceptions, setPatterns } from "./paths.ts";
import type { Token } from "./tokens.ts";
import { conjunctions, determiners, fileNouns, prepositions, softNouns, stops } from "./words.ts";

/** To what a prohibition applies. */
export interface ProhibitedObject {
  /** Files that are meant themselves: "x.ts", "anything in src/legacy/". */
  paths: string[];
  /** Files whose tests, configuration or the like are meant: "the tests in x.rs". */
  soft: string[];
  /** A file is named, but only as the place of some code: "the signature of f in x.ts". */
  mentions: string[];
  /** A word of the code follows the path: "package.json scripts". */
  tail: boolean;
  /** Anything, any file, other files. */
  universal: boolean;
  /** All but what the task names: "other files", "anything else", "files not listed". */
  other: boolean;
  /** "... outside src/", "anything except x.ts"; undefined where nothing of the kind is said. */
  beyond: string[] | undefined;
  /** Exceptions that name no file. */
  exceptWords: boolean;
  /** The words before any reason or exception, in lower case. */
  words: string;
}

const otherWords = /\b(other|others|else|additional|further|remaining|rest|unlisted|extra)\b/;
const universalWord =
  /^(anything|everything|something|nothing|files?|source files?|paths?|others?|things?|stuff|rest|code|source|sources|existing files?|parts?|lines?|directories|folders|files or (directories|folders)|files and (directories|folders))\b/;
const namedDocuments: Record<string, readonly string[]> = {
  readme: ["README*", "readme*"],
  changelog: ["CHANGELOG*", "changelog*"],
  license: ["LICENSE*", "license*"],
  licence: ["LICENCE*", "LICENSE*"],
  makefile: ["Makefile", "makefile"],
  dockerfile: ["Dockerfile*"],
  gitignore: [".gitignore"],
};

/** Reads the words after the verb of a prohibition, with the remarks in parentheses that belong to them. */
export function readObject(
  tokens: readonly Token[],
  remarks: readonly Token[][],
  item: Item,
  kindOf: KindOf,
): ProhibitedObject {
  const cut = cutObject(tokens, item, kindOf);
  const words = cut.head.map((token) => token.lower).join(" ");
  const bare = words.replace(
    /^((any|all|the|these|those|of|every|each|some|in|to|such|own|single|existing|other|else|additional|further|unrelated|remaining|extra|new|more|source) )*/,
    "",
  );
  const result: ProhibitedObject = {
    paths: [],
    soft: [],
    mentions: [],
    tail: false,
    universal: universalWord.test(bare) || /^(other|others|else|the rest)$/.test(words),
    other: cut.other || otherWords.test(words),
    beyond: cut.beyond?.map((path) => path.raw),
    exceptWords: cut.exceptWords,
    words,
  };
  collectPaths(cut.head, kindOf, result);
  for (const remark of remarks) addRemark(remark, item, kindOf, result);
  if (result.paths.length > 0) result.universal = false;
  return result;
}

interface Cut {
  head: Token[];
  other: boolean;
  beyond: NamedPath[] | undefined;
  exceptWords: boolean;
}

/** Cuts the object where an exception, a limit ("outside src/") or a reason begins. */
function cutObject(tokens: readonly Token[], item: Item, kindOf: KindOf): Cut {
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (!token || token.code) continue;
    const limit = limitAt(tokens, at);
    if (limit.other) return { head: tokens.slice(0, at), other: true, beyond: undefined, exceptWords: false };
    if (limit.length > 0) {
      const { paths } = readExceptions(tokens.slice(at + limit.length), item, kindOf, true);
      const head = tokens.slice(0, at);
      if (
        paths.length > 0 &&
        !/^(scope|task|list|these|those|this|above|file|files)$/i.test(paths[0]?.raw ?? "")
      )
        return { head, other: false, beyond: paths, exceptWords: false };
      return { head, other: limit.outside, beyond: undefined, exceptWords: !limit.outside };
    }
    if (stops.has(token.lower) && !(token.lower === "for" && at === 0) && at > 0)
      return { head: tokens.slice(0, at), other: false, beyond: undefined, exceptWords: false };
  }
  return { head: [...tokens], other: false, beyond: undefined, exceptWords: false };
}

function limitAt(tokens: readonly Token[], at: number): { length: number; outside: boolean; other: boolean } {
  const word = (step: number) => tokens[at + step]?.lower ?? "";
  const none = { length: 0, outside: false, other: false };
  const exception = exceptionAt(tokens, at);
  if (exception > 0) return { ...none, length: exception };
  if (word(0) === "but" && at > 0) return { ...none, length: 1 };
  if (word(0) === "outside" || word(0) === "beyond")
    return { ...none, outside: true, length: word(1) === "of" ? 2 : 1 };
  const that = /^(that|which)$/.test(word(0)) ? 1 : 0;
  const are = /^(is|are|isn't|aren't)$/.test(word(that)) ? that + 1 : that;
  const not = word(are) === "not" ? are + 1 : /n't$/.test(word(are - 1)) ? are : -1;
  if (not < 0 || (not === are && that === 0)) return none;
  if (/^(in|under|within|inside|below)$/.test(word(not))) return { ...none, outside: true, length: not + 1 };
  if (
    /^(listed|named|mentioned|specified|included|explicitly|part|needed|required|related|declared|covered|allowed)$/.test(
      word(not),
    )
  )
    return { ...none, other: true };
  return none;
}

function collectPaths(head: readonly Token[], kindOf: KindOf, result: ProhibitedObject): void {
  let at = 0;
  while (at < head.length) {
    let preposition = "";
    let noun = "";
    let found = -1;
    for (let index = at; index < head.length; index++) {
      const token = head[index];
      if (!token) break;
      if (isNamed(head, index, kindOf)) {
        found = index;
        break;
      }
      if (token.code) noun = token.lower;
      else if (prepositions.has(token.lower)) {
        if (preposition === "" || fileNouns.has(noun)) preposition = token.lower;
      } else if (!determiners.has(token.lower) && !conjunctions.has(token.lower) && preposition === "")
        noun = token.lower;
      else if (
        !determiners.has(token.lower) &&
        !conjunctions.has(token.lower) &&
        preposition !== "" &&
        !fileNouns.has(token.lower)
      )
        preposition = fileNouns.has(noun) ? preposition : "of-code";
    }
    const token = head[found];
    if (found < 0 || !token) return;
    const raws = namesOf(head, found, kindOf);
    const direct =
      preposition === "" ||
      (noun === ""
        ? /^(in|to|of|under|inside|within|at|on|below|from|into|beneath|for)$/.test(preposition)
        : fileNouns.has(noun) && !/^(for|with|using|by|like|as|than|about)$/.test(preposition));
    const soft =
      !direct && softNouns.has(noun) && /^(in|of|under|inside|within|from|at|below)$/.test(preposition);
    (direct ? result.paths : soft ? result.soft : result.mentions).push(...raws);
    at = found + 1;
    const next = head[at];
    if (
      next &&
      token.tail === "" &&
      !conjunctions.has(next.lower) &&
      !prepositions.has(next.lower) &&
      !isNamed(head, at, kindOf)
    ) {
      if (fileNouns.has(next.lower)) at++;
      else if (
        !/^(at|all|directly|manually|itself|again|yet|anymore|now|here|only|either|too|please|whatsoever|themselves|ever|much|further|any|more|way|today|this|the|them|it|by|hand|unless)$/.test(
          next.lower,
        )
      )
        result.tail = true;
    }
    const after = head[at];
    const goesOn =
      after &&
      (token.tail === "," ||
        head[at - 1]?.tail === "," ||
        conjunctions.has(after.lower) ||
        isNamed(head, at, kindOf));
    if (!goesOn) {
      for (const later of head.slice(at)) {
        const raw = pathOf(later, "forbid", kindOf);
        if (raw !== undefined) result.mentions.push(raw);
      }
      return;
    }
  }
}

/** Whether a word of the object names files: a path, ".md files", "the README", a folder that exists. */
function isNamed(tokens: readonly Token[], at: number, kindOf: KindOf): boolean {
  return namesOf(tokens, at, kindOf).length > 0;
}

function namesOf(tokens: readonly Token[], at: number, kindOf: KindOf): readonly string[] {
  const token = tokens[at];
  if (!token) return [];
  const next = tokens[at + 1]?.lower ?? "";
  const set =
    /^(files?|sources?)$/.test(next) || (tokens[at + 1] === undefined && token.text.startsWith("*."))
      ? setPatterns(token)
      : undefined;
  if (set) return set;
  const raw = pathOf(token, "forbid", kindOf);
  const document = Object.hasOwn(namedDocuments, token.lower) ? namedDocuments[token.lower] : undefined;
  const folder = /^(folders?|director(y|ies)|dirs?|subtree|tree|subfolder|subdirectory)$/.test(next);
  if (document && (raw !== undefined || !folder)) return raw === undefined ? document : [raw, ...document];
  if (raw !== undefined && isRoute(raw, tokens, at)) return [];
  if (raw !== undefined) return [folder ? `${raw.replace(/[/\\]+$/, "")}/` : raw];
  if (!/^[\w.@-]+$/.test(token.text) || fileNouns.has(token.lower) || determiners.has(token.lower)) return [];
  if (
    folder &&
    !prepositions.has(token.lower) &&
    !/^(new|other|empty|temporary|additional|existing|output|parent|root|current)$/.test(token.lower)
  )
    return [`${token.text}/`];
  const before = tokens[at - 1];
  const alone =
    before === undefined ||
    determiners.has(before.lower) ||
    conjunctions.has(before.lower) ||
    prepositions.has(before.lower) ||
    fileNouns.has(before.lower) ||
    before.tail === ",";
  const ends = next === "" || conjunctions.has(next) || token.tail !== "";
  return alone && ends && kindOf(token.text) !== undefined ? [token.text] : [];
}

/** "the /health endpoint", "GET /users": no file. */
function isRoute(raw: string, tokens: readonly Token[], at: number): boolean {
  if (!raw.startsWith("/") || /\.\w+$/.test(raw)) return false;
  return (
    /^(endpoints?|routes?|urls?|api|apis|handlers?|pages?|requests?|responses?|paths?)$/.test(
      tokens[at + 1]?.lower ?? "",
    ) || /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|endpoint|route|url)$/.test(tokens[at - 1]?.text ?? "")
  );
}

/** A remark that holds an exception, or nothing but the paths that are meant. */
function addRemark(remark: readonly Token[], item: Item, kindOf: KindOf, result: ProhibitedObject): void {
  const length = exceptionAt(remark, 0) || (remark[0]?.lower === "but" ? 2 : 0);
  if (length > 0) {
    const { paths } = readExceptions(remark.slice(length), item, kindOf, true);
    if (paths.length > 0) result.beyond = [...(result.beyond ?? []), ...paths.map((path) => path.raw)];
    else result.exceptWords = true;
    return;
  }
  const named = remark.map((token) => pathOf(token, "forbid", kindOf));
  const onlyPaths = remark.every(
    (token, index) =>
      named[index] !== undefined ||
      conjunctions.has(token.lower) ||
      /^(e\.g|i\.e|for|example|like|especially|including|in|at|under|mainly)$/.test(token.lower),
  );
  if (!onlyPaths) return;
  for (const raw of named)
    if (raw !== undefined) (result.paths.length > 0 ? result.paths : result.soft).push(raw);
}
