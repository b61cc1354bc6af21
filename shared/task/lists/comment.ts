import { type Item, lineAt } from "../text/items.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import { isDash, show, type Token } from "../text/tokens.ts";
import { exceptionAt, isJoint, readExceptions } from "./exceptions.ts";
import type { FileItem } from "./named.ts";

const keepsAsInspect =
  /^(is |stays |strictly |just |only )*(read[- ]?only|inspect( only)?|(for )?(reference|context|inspection|reading|background)( only)?|only (for )?(reference|context|reading)|look only|view only|to (read|inspect)( only)?|only to (read|inspect)|read)\b(?! (the|from|it))/;

const keepsAsForbidden =
  /^(please )?((do not|don't|never|must not|not to be|should not be|must not be|may not be) (be )?(modify|edit|touch|change|modified|edited|touched|changed)( (it|this|this file|the file|them|at all))?|unchanged|untouched|leave (it )?(unchanged|alone|as is|untouched)|stays? (unchanged|as (it )?is)|no changes?( needed| necessary)?|off[- ]limits|out of scope|forbidden)\s*$/;

/** What stands after the paths: exceptions, "only ...", and whether the file is to be left as it is. */
export function readComment(rest: readonly Token[], item: Item, kindOf: KindOf, result: FileItem): void {
  const words = rest.filter((token) => !isDash(token));
  const plain = words
    .map((token) => token.lower)
    .join(" ")
    .replace(/[[\]]/g, "");
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
