import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPatch } from "../../../shared/scope/patch.ts";

const patch = (...lines: string[]) => ["*** Begin Patch", ...lines, "*** End Patch"].join("\n");

function paths(text: string): string[] | "refused" {
  const reading = readPatch(text);
  if (!reading.ok) return "refused";
  return reading.changes.map((change) =>
    change.op === "move" ? `move ${change.path} -> ${change.to}` : `${change.op} ${change.path}`,
  );
}

describe("patches that OpenCode applies", () => {
  test.each<[string, string, string[]]>([
    ["adds", patch("*** Add File: src/new.ts", "+x"), ["write src/new.ts"]],
    ["updates", patch("*** Update File: src/a.ts", "@@", "-a", "+b"), ["modify src/a.ts"]],
    ["deletes", patch("*** Delete File: src/a.ts"), ["delete src/a.ts"]],
    [
      "moves",
      patch("*** Update File: src/a.ts", "*** Move to: src/b.ts", "@@", "-a", "+b"),
      ["move src/a.ts -> src/b.ts"],
    ],
    [
      "several files",
      patch(
        "*** Add File: a",
        "+1",
        "*** Delete File: b",
        "*** Update File: c",
        "@@ def x():",
        " k",
        "-l",
        "+m",
      ),
      ["write a", "delete b", "modify c"],
    ],
    ["spaces around the path", patch("*** Delete File:   src/a b.ts  "), ["delete src/a b.ts"]],
    ["no space before the path", patch("*** Delete File:src/a.ts"), ["delete src/a.ts"]],
    [
      "CRLF",
      patch("*** Update File: src/a.ts", "@@", "-a", "+b").replaceAll("\n", "\r\n"),
      ["modify src/a.ts"],
    ],
    ["indented markers", `  *** Begin Patch  \n*** Delete File: a\n  *** End Patch`, ["delete a"]],
    ["a heredoc", `cat <<'EOF'\n${patch("*** Delete File: a")}\nEOF`, ["delete a"]],
    ["a bare heredoc", `<<PATCH\n${patch("*** Delete File: a")}\nPATCH\n`, ["delete a"]],
    ["prose around it", `Here it is:\n${patch("*** Delete File: a")}\nDone.`, ["delete a"]],
    ["end of file", patch("*** Update File: a", "@@", " x", "+y", "*** End of File"), ["modify a"]],
    ["headers as content of a new file", patch("*** Add File: a", "+*** Delete File: b"), ["write a"]],
    [
      "headers as content of a changed file",
      patch("*** Update File: a", "@@", " *** Delete File: b", "-*** Add File: c", "+*** Update File: d"),
      ["modify a"],
    ],
    ["the same file twice", patch("*** Delete File: a", "*** Add File: a", "+x"), ["delete a", "write a"]],
    ["a path that climbs", patch("*** Add File: src/lib/../../x", "+x"), ["write src/lib/../../x"]],
  ])("%s", (_, text, expected) => expect(paths(text)).toEqual(expected));
});

describe("patches that could be read in two ways", () => {
  test.each([
    ["no markers", "*** Delete File: a"],
    ["no end", "*** Begin Patch\n*** Delete File: a"],
    ["end before begin", "*** End Patch\n*** Delete File: a\n*** Begin Patch"],
    ["no file", patch("")],
    ["an empty path", patch("*** Delete File: ", "*** Delete File: a")],
    ["an empty target", patch("*** Update File: a", "*** Move to:", "@@", "-a", "+b")],
    ["an indented header", patch("*** Delete File: a", "  *** Delete File: b")],
    ["an indented header in a new file", patch("*** Add File: a", " *** Delete File: b")],
    ["another case", patch("*** Delete File: a", "*** delete file: b")],
    ["other stars", patch("*** Delete File: a", "**** Delete File: b")],
    ["more space", patch("*** Delete File: a", "***  Delete File: b")],
    ["a move away from its header", patch("*** Update File: a", "@@", "-a", "+b", "*** Move to: c")],
    ["a move after an add", patch("*** Add File: a", "*** Move to: c", "+b")],
    ["two patches", `${patch("*** Delete File: a")}\n${patch("*** Delete File: b")}`],
    ["a header after the end", `${patch("*** Delete File: a")}\n*** Delete File: b`],
    ["a header before the begin", `*** Delete File: b\n${patch("*** Delete File: a")}`],
    ["a lone carriage return", patch("*** Add File: a", "+x\r*** Delete File: b")],
    ["another verb", patch("*** Delete File: a", "*** Rename File: b")],
    ["nothing", ""],
  ])("%s", (_, text) => expect(paths(text)).toBe("refused"));
});

/** OpenCode 1.18.33's parser, reduced to the paths (from the code in the binary). */
function asOpenCodeDoes(text: string): string[] {
  const body = text.trim().match(/^(?:cat\s+)?<<['"]?(\w+)['"]?\s*\n([\s\S]*?)\n\1\s*$/)?.[2] ?? text.trim();
  const lines = body.split("\n");
  const begin = lines.findIndex((line) => line.trim() === "*** Begin Patch");
  const end = lines.findIndex((line) => line.trim() === "*** End Patch");
  if (begin < 0 || end < 0 || begin >= end) return [];
  const found: string[] = [];
  const at = (index: number) => lines[index] ?? "";
  for (let index = begin + 1; index < end; ) {
    const line = at(index);
    const verb = ["Add", "Delete", "Update"].find((one) => line.startsWith(`*** ${one} File:`));
    const path = verb ? line.slice(`*** ${verb} File:`.length).trim() : "";
    index++;
    if (!verb || !path) continue;
    found.push(path);
    if (verb === "Delete") continue;
    if (verb === "Update" && index < lines.length && at(index).startsWith("*** Move to:")) {
      const to = at(index).slice(12).trim();
      if (to) found.push(to);
      index++;
    }
    while (index < lines.length && !at(index).startsWith("***")) index++;
  }
  return found;
}

test("no path that OpenCode would take is missed", () => {
  const line = fc.constantFrom(
    "*** Begin Patch",
    "*** End Patch",
    "*** Add File: a",
    "*** Update File: b",
    "*** Delete File: c",
    "*** Move to: d",
    " *** Delete File: e",
    "+*** Add File: f",
    "*** End of File",
    "***",
    "@@",
    "@@ x",
    "+x",
    "-y",
    " z",
    "",
    "*** Add File:",
    "*** Delete File: g\r",
    "EOF",
    "cat <<'EOF'",
    "w\r*** Delete File: h",
  );
  const body = fc.array(line, { maxLength: 12 });
  fc.assert(
    fc.property(fc.boolean(), body, (wrapped, lines) => {
      const text = wrapped ? patch(...lines) : lines.join("\n");
      const reading = readPatch(text);
      if (!reading.ok) return;
      const seen = reading.changes.flatMap((change) =>
        change.op === "move" ? [change.path, change.to] : [change.path],
      );
      expect(seen).toEqual(asOpenCodeDoes(text));
    }),
    { numRuns: 3000 },
  );
});
