import { setPatterns } from "../lists/sets.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import { determiners, isWriteVerb, places, prepositions, stops, verbOf } from "../text/words.ts";
import { type Found, type PathList, readPathList } from "./pathlist.ts";

/** Verbs whose object is the file itself; of others ("use", "handle", "cover") only a place counts. */
const direct =
  /^(implement|complete|finish|revise|speed|resolve|address|reduce|open|go|navigate|take|repair|revert|restore|enhance|harden|redesign|populate|tune|restyle|redo|rebuild|regenerate|parallelize|consolidate|unify|generalize|deduplicate|switch)$/;
/** "Describe the flag in README.md": a change of documents only. */
const tells = /^(describe|explain|mention|note|list)$/;
const isDocument = (raw: string) => /\.(md|mdx|rst|txt|adoc)$|(^|[/\\])[A-Z]+$/.test(raw);
/** "Implement the design in docs/design.md": what is followed is not changed. */
const followed =
  /\b(specs?|specification|design|plan|proposal|rfc|adr|requirements?|issue|protocol|algorithm|description|ticket|document|contract|steps?|mockups?|prd|guidelines?|style guide|rules|conventions?|pattern|approach|example)$/;
const saves = /^(save|write|store|put|generate|produce|create|output|export)$/;
const place = /^(in|to|into|inside|within|under|at|on|below|across|throughout|named|called|as)$/;
const definiteNoun = /^(the|that|those|this|these|its|our|existing|all|one)$/;

/** The files that one verb applies to. @param clause begins with the verb */
export function readClause(clause: readonly Token[], kindOf: KindOf): Found[] {
  const verb = clause[0]?.lower ?? "";
  if (verb === "copy" || verb === "duplicate") return readCopy(clause, kindOf);
  const list = findObject(clause, kindOf);
  if (!list) return [];
  const after = clause.slice(list.end, list.end + 12).map((token) => token.lower);
  // "Add a.ts to the list in b.ts" changes b.ts.
  if (/^(add|append|insert|register|include)$/.test(verb) && list.end > 1 && list.end <= 3) {
    const home = readHome(clause, list.end, kindOf);
    if (home && kindOf(home.raw) !== "directory" && !/[/\\]$/.test(home.raw)) return [home];
  }
  // "Make a.test.ts pass" is done elsewhere.
  if (
    /^(make|get|let)$/.test(verb) &&
    after.some((word) => /^(pass|green|succeed|work|compile|build)$/.test(word)) &&
    !(list.found[0]?.token === clause[1] && /^(compile|build|work)$/.test(after[0] ?? ""))
  )
    return [];
  const tests = /^(add|create|write|implement|build)$/.test(verb) ? testsAfter(clause, list.end, kindOf) : [];
  if (tests.length > 0) return [...list.found, ...tests];
  if (tells.test(verb)) return list.found.filter(({ raw }) => isDocument(raw));
  const folder = /^(create|add|write|put|place|generate|make|introduce|save|produce|build)$/.test(verb)
    ? folderAfter(clause, list.end, kindOf)
    : undefined;
  if (folder !== undefined && list.found.every(({ raw }) => !/[/\\]/.test(raw)))
    return list.found.map(({ raw, token }) => ({ raw: `${folder}/${raw}`, token }));
  if (
    !/^(rename|move|relocate|convert|port|migrate|split|extract|inline|merge|turn|rewrite|translate|reimplement|transform)$/.test(
      verb,
    )
  )
    return list.found;
  const targets = targetsAfter(clause, list.end, kindOf);
  const into = targets.length === 1 ? targets[0]?.raw : undefined;
  const isFolder = into !== undefined && /[/\\]$/.test(into) && verb !== "extract";
  // What a folder is renamed to is a folder, too.
  if (list.found.every(({ raw }) => raw.endsWith("/")) && into !== undefined && !/\.\w{1,5}$/.test(into))
    return [...list.found, ...targets.map(({ raw, token }) => ({ raw: raw.replace(/\/?$/, "/"), token }))];
  const moved = list.found.map(({ raw, token }) => ({
    raw: `${into}${raw.split(/[/\\]/).filter(Boolean).at(-1)}`,
    token,
  }));
  return [...list.found, ...(isFolder ? moved : targets)];
}

/** "Add f to a.ts, with tests in a.test.ts". */
function testsAfter(clause: readonly Token[], from: number, kindOf: KindOf): Found[] {
  const words = clause.slice(from, from + 6).map((token) => token.lower);
  const lead = /^(with|plus) ((its|new|unit|some|matching|the|a) )*tests? (for it )?(in|to|at|under) /.exec(
    words.map((word) => `${word} `).join(""),
  )?.[0];
  return lead ? readPathList(clause, from + lead.trim().split(" ").length, kindOf).found : [];
}

/** "... to config.yaml", "... to the list in b.ts": the file that something is added to. */
function readHome(clause: readonly Token[], from: number, kindOf: KindOf): Found | undefined {
  if (clause[from]?.lower !== "to") return undefined;
  let at = from + 1;
  while (at < from + 6 && !readPathList(clause, at, kindOf).found.length) {
    const word = clause[at];
    if (!word || stops.has(word.lower) || word.tail !== "") return undefined;
    at++;
  }
  return readPathList(clause, at, kindOf).found[0];
}

/** Only what a copy is made to changes. */
function readCopy(clause: readonly Token[], kindOf: KindOf): Found[] {
  const source = readPathList(clause, 1, kindOf).found[0];
  const name = source?.raw.split(/[/\\]/).filter(Boolean).at(-1);
  return targetsAfter(clause, 1, kindOf).flatMap(({ raw, token }) => {
    if (!/[/\\]$/.test(raw)) return [{ raw, token }];
    return name === undefined ? [] : [{ raw: `${raw}${name}`, token }];
  });
}

/** The path that is the verb's object or its place ("in a.ts"); failing that, the one of "of a.ts". */
function findObject(clause: readonly Token[], kindOf: KindOf): PathList | undefined {
  const verb = clause[0]?.lower ?? "";
  const removes = /^(remove|delete|drop|extract|move|strip|split)$/.test(verb);
  const takesObject =
    /^(change|partial|create|delete|rename|depend)$/.test(verbOf(verb)?.act ?? "") || direct.test(verb);
  let preposition = "";
  let noun: string[] = [];
  let definite = false;
  let fallback: PathList | undefined;
  for (let at = 1; at < clause.length; at++) {
    const token = clause[at];
    if (!token) break;
    const next = clause[at + 1];
    if (setPatterns(token) && /^files?$/.test(next?.lower ?? "")) return readSet(clause, at, kindOf);
    const list = readPathList(clause, at, kindOf);
    if (list.found.length > 0) {
      const isPlace =
        preposition === "" ? takesObject : place.test(preposition) || (preposition === "from" && removes);
      const isFollowed = preposition !== "" && followed.test(noun.join(" "));
      if (isPlace && !isFollowed && !definite) return list;
      if (preposition === "of" && !isFollowed) fallback ??= list;
      at = list.end - 1;
      preposition = preposition === "" ? "past" : "";
      noun = [];
      definite = false;
      continue;
    }
    if (token.code) {
      noun.push(token.lower);
      continue;
    }
    const folder = /^(in|under|inside|within|below|throughout|across)$/.test(preposition)
      ? bareFolder(clause, at, kindOf)
      : undefined;
    if (folder !== undefined && !definite) return { found: [{ raw: folder, token }], end: at + 1 };
    const before = clause[at - 1]?.lower ?? "";
    const isName = token.lower === "as" && saves.test(verb);
    if (isName && next && readPathList(clause, at + 1, kindOf).found.length > 0) {
      preposition = "named";
      continue;
    }
    // "the following change to a.ts" is no reason.
    if (stops.has(token.lower) && token.lower !== "for" && at > 1 && !determiners.has(before)) break;
    // "to import from b.ts" is a purpose, not a place.
    if (
      token.lower === "to" &&
      next &&
      !next.code &&
      (isWriteVerb(next.lower) || verbOf(next.lower)?.form === "base")
    )
      break;
    if (/^(for|with|using|by|via|through|from|about|against)$/.test(token.lower)) {
      preposition = token.lower;
      const isSource = token.lower === "from" && removes;
      definite =
        !isSource &&
        (definiteNoun.test(next?.lower ?? "") ||
          (next !== undefined && pathOf(next, "prose", kindOf) !== undefined));
      if (!definite) noun = [];
    } else if (/^(named|called|titled)$/.test(token.lower)) {
      preposition = "named";
      definite = false;
    } else if (prepositions.has(token.lower)) preposition = token.lower;
    else noun.push(token.lower);
    if (token.tail === ":") break;
    if (token.tail === ",") definite = false;
  }
  return fallback;
}

/** "all files in src": a plain word that is the name of a folder now. */
function bareFolder(clause: readonly Token[], at: number, kindOf: KindOf): string | undefined {
  const token = clause[at];
  if (!token || !/^[\w.-]+$/.test(token.text) || kindOf(token.text) !== "directory") return undefined;
  const next = clause[at + 1];
  const ends =
    next === undefined || token.tail !== "" || /^(folder|directory|and|to|so|for|with)$/.test(next.lower);
  return ends ? `${token.text}/` : undefined;
}

/** "all .ts files in src/api/". */
function readSet(clause: readonly Token[], at: number, kindOf: KindOf): PathList | undefined {
  const token = clause[at];
  const preposition = clause[at + 2]?.lower ?? "";
  const folder = clause[at + 3];
  const raw =
    folder && places.has(preposition) ? pathOf(folder, "prose", kindOf)?.replace(/[/\\]+$/, "") : undefined;
  if (!token || raw === undefined) return undefined;
  const deep = preposition === "in" ? "" : "**/";
  return {
    found: (setPatterns(token) ?? []).map((one) => ({ raw: `${raw}/${deep}${one}`, token })),
    end: at + 4,
  };
}

/** "Create a.py in src/utils/": the folder, without a slash at its end. */
function folderAfter(clause: readonly Token[], from: number, kindOf: KindOf): string | undefined {
  if (!/^(in|under|inside|within|at|into|to)$/.test(clause[from]?.lower ?? "")) return undefined;
  let at = from + 1;
  while (determiners.has(clause[at]?.lower ?? "") || /^(new|folder|directory)$/.test(clause[at]?.lower ?? ""))
    at++;
  const token = clause[at];
  if (!token) return undefined;
  const isNoun = /^(folder|directory|dir|subfolder|subdirectory)$/.test(clause[at + 1]?.lower ?? "");
  const raw =
    pathOf(token, "prose", kindOf) ?? (isNoun && /^[\w.-]+$/.test(token.text) ? token.text : undefined);
  return raw === undefined || /\.[A-Za-z]\w{0,5}$/.test(raw) ? undefined : raw.replace(/[/\\]+$/, "");
}

/** "... to b.ts", "... into b.ts and c.ts", "... as b.ts". */
function targetsAfter(clause: readonly Token[], from: number, kindOf: KindOf): Found[] {
  for (let at = from; at < clause.length; at++) {
    const word = clause[at]?.lower ?? "";
    if (!/^(to|into|as|->|→)$/.test(word)) {
      if (stops.has(word)) return [];
      continue;
    }
    let next = at + 1;
    while (
      determiners.has(clause[next]?.lower ?? "") ||
      /^(new|file|module|files)$/.test(clause[next]?.lower ?? "")
    )
      next++;
    const list = readPathList(clause, next, kindOf);
    if (list.found.length > 0) return list.found;
    if (word === "as") return [];
  }
  return [];
}
