import { fileSet } from "../lists/sets.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import { conjunctions, determiners, fileNouns, prepositions, softNouns } from "../text/words.ts";

/** One of the things that a prohibition names. */
export interface ProhibitedObject {
  /** In lower case, with the adjectives it shares with the things named before. */
  words: string;
  /** Files that are meant themselves: "x.ts", "anything in src/legacy/". */
  paths: string[];
  /** Files whose tests, configuration or the like are meant: "the tests in x.rs". */
  soft: string[];
  /** A file is named only as the place of some code: "the signature of f in x.ts". */
  mentioned: boolean;
  /** A word of the code follows the path: "package.json scripts". */
  tail: boolean;
  /** Any file: "anything", "other files", "files". */
  universal: boolean;
  /** Other than what the task names: "other files", "anything else". */
  other: boolean;
}

const otherWords = /\b(other|others|else|additional|further|remaining|rest|unlisted|extra)\b/;
const shared =
  /^((any|all|new|additional|other|extra|further|existing|unrelated|more|the|these|such|to|of|in) )+/;
const universalNoun =
  /^(anything|everything|something|nothing|files?|paths?|others?|things?|stuff|rest|code|sources?|parts?|lines?|directories|directory|folders?)\b/;
const fillers =
  /^((any|all|the|these|those|of|every|each|some|in|to|such|own|single|existing|other|else|additional|further|unrelated|remaining|extra|new|more|source) )*/;
const documents: Record<string, readonly string[]> = {
  readme: ["README*", "readme*"],
  changelog: ["CHANGELOG*", "changelog*"],
  license: ["LICENSE*", "license*"],
  licence: ["LICENCE*", "licence*"],
  makefile: ["Makefile", "makefile"],
  dockerfile: ["Dockerfile*"],
  gitignore: [".gitignore"],
};

/**
 * Reads the things that a prohibition names, one for each part joined by commas, "and" or "or".
 * @param head the words after the verb, up to any exception or reason
 * @param remarks what stands in parentheses: paths alone there say what is meant
 */
export function readObjects(
  head: readonly Token[],
  remarks: readonly Token[][],
  kindOf: KindOf,
): ProhibitedObject[] {
  const objects: ProhibitedObject[] = [];
  let adjectives = "";
  for (const part of partsOf(head)) {
    const before = objects.at(-1);
    const object = readPart(part, adjectives, kindOf);
    adjectives ||= shared.exec(object.words)?.[0] ?? "";
    // "the exports of a.ts and b.ts" speaks of the code of both.
    const isBare = part.every((token) => pathOf(token, "forbid", kindOf) !== undefined);
    if (before?.mentioned && before.paths.length === 0 && isBare)
      objects.push({ ...object, paths: [], mentioned: true });
    else objects.push(object);
  }
  const last = objects.at(-1);
  if (last) for (const remark of remarks) addRemark(remark, kindOf, last);
  return objects;
}

function partsOf(head: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of head) {
    if (!token.code && conjunctions.has(token.lower)) {
      if (parts.at(-1)?.length !== 0) parts.push([]);
      continue;
    }
    parts.at(-1)?.push(token);
    if (token.tail === ",") parts.push([]);
  }
  return parts.filter((part, index) => part.length > 0 || (index === 0 && head.length === 0));
}

function readPart(part: readonly Token[], adjectives: string, kindOf: KindOf): ProhibitedObject {
  const said = part.map((token) => token.lower).join(" ");
  const words =
    adjectives !== "" && !shared.test(`${said} `) && part.length < 4 ? `${adjectives}${said}` : said;
  const object: ProhibitedObject = {
    words,
    paths: [],
    soft: [],
    mentioned: false,
    tail: false,
    universal: universalNoun.test(words.replace(fillers, "")) || /^(other|others|else|the rest)$/.test(words),
    other: otherWords.test(words),
  };
  let at = 0;
  for (let found = nextName(part, at, kindOf); found; found = nextName(part, at, kindOf)) {
    if (found.meant === "place") object.mentioned = true;
    else object[found.meant].push(...found.raws);
    at = found.end;
    const next = part[at];
    if (next && namesOf(part, at, kindOf).length > 0) continue;
    if (next && prepositions.has(next.lower)) object.mentioned ||= nextName(part, at, kindOf) !== undefined;
    else if (next && found.meant !== "place") object.tail = !adverbs.has(next.lower);
    break;
  }
  if (object.paths.length > 0) object.universal = false;
  return object;
}

const adverbs = new Set(
  `at all directly manually itself again yet anymore now here only either too please whatsoever themselves ever much
  further any more way today this the them it by hand not`.split(/\s+/),
);

interface Name {
  raws: readonly string[];
  /** Whether the file itself is meant, its tests or configuration, or only a place in the code. */
  meant: "paths" | "soft" | "place";
  end: number;
}

/** The next file that is named, and how: "x.ts", "anything in x/", "the signature of f in x.ts". */
function nextName(part: readonly Token[], from: number, kindOf: KindOf): Name | undefined {
  let preposition = "";
  let noun = "";
  let code = false;
  for (let at = from; at < part.length; at++) {
    const token = part[at];
    if (!token) return undefined;
    const raws = namesOf(part, at, kindOf);
    if (raws.length > 0) {
      const isFolder = fileNouns.has(part[at + 1]?.lower ?? "");
      return { raws, meant: code ? "place" : meaning(preposition, noun), end: at + (isFolder ? 2 : 1) };
    }
    if (/^(lines?)$/.test(noun) && /^\d+([-–:]\d+)?$/.test(token.text)) continue;
    if (token.code) noun = "(code)";
    else if (prepositions.has(token.lower)) {
      if (preposition === "" || fileNouns.has(noun)) preposition = token.lower;
    } else if (!determiners.has(token.lower) && !(fileNouns.has(noun) && token.lower === "else")) {
      if (preposition === "") noun = token.lower;
      // "the files of the parser in x/": still files; "the result of the call in x.ts": code.
      else if (!fileNouns.has(token.lower) && !fileNouns.has(noun)) code = true;
    }
  }
  return undefined;
}

function meaning(preposition: string, noun: string): Name["meant"] {
  if (preposition === "") return "paths";
  const isPlace =
    /^(in|to|of|under|inside|within|at|on|below|from|into|beneath|across|throughout|matching)$/.test(
      preposition,
    );
  // "Lines 10-20 of x.ts": of a file to change, it is a part.
  if (isPlace && /^(lines?|parts?|sections?)$/.test(noun)) return "soft";
  if (isPlace && (noun === "" || fileNouns.has(noun))) return "paths";
  return isPlace && softNouns.has(noun) ? "soft" : "place";
}

/** The patterns that a word names: a path, ".md files", "the README", a folder that exists. */
function namesOf(tokens: readonly Token[], at: number, kindOf: KindOf): readonly string[] {
  const token = tokens[at];
  if (!token) return [];
  const next = tokens[at + 1]?.lower ?? "";
  const set = fileSet(tokens, at, kindOf, "**/")?.patterns;
  if (set) return set;
  const isFolder = /^(folders?|director(y|ies)|dirs?|subtree|tree|subfolder|subdirectory)$/.test(next);
  const document = Object.hasOwn(documents, token.lower) ? documents[token.lower] : undefined;
  if (document && !isFolder) return document;
  const raw = pathOf(token, "forbid", kindOf);
  if (raw !== undefined && isRoute(raw, tokens, at)) return [];
  if (raw !== undefined) return [isFolder ? `${raw.replace(/[/\\]+$/, "")}/` : raw];
  const isWord =
    /^[\w.@-]+$/.test(token.text) && !fileNouns.has(token.lower) && !determiners.has(token.lower);
  if (!isWord || prepositions.has(token.lower) || conjunctions.has(token.lower)) return [];
  if (
    isFolder &&
    !/^(new|empty|temporary|additional|output|parent|root|extra|more|further|unrelated|generated)$/.test(
      token.lower,
    )
  )
    return [`${token.text}/`];
  return standsAlone(tokens, at) && kindOf(token.text) !== undefined ? [token.text] : [];
}

/** A plain word is the name of a folder only where nothing else belongs to it: "docs", "anything in docs". */
function standsAlone(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1]?.lower;
  const free =
    before === undefined || determiners.has(before) || prepositions.has(before) || fileNouns.has(before);
  return free && tokens[at + 1] === undefined;
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

/** A remark that is nothing but paths says what is meant: "the billing module (src/billing/)". */
function addRemark(remark: readonly Token[], kindOf: KindOf, object: ProhibitedObject): void {
  const raws = remark.map((token) => pathOf(token, "forbid", kindOf));
  const fits = remark.every(
    (token, index) =>
      raws[index] !== undefined ||
      conjunctions.has(token.lower) ||
      /^(e\.g|i\.e|for|example|like|especially|including|in|at|under|mainly)$/.test(token.lower),
  );
  if (!fits) return;
  const into = object.paths.length > 0 ? object.paths : object.soft;
  for (const raw of raws) if (raw !== undefined) into.push(raw);
}
