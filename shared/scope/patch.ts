import type { FileChange } from "./action.ts";

export type PatchReading = { ok: true; changes: FileChange[] } | { ok: false; problem: string };

const BEGIN = "*** Begin Patch";
const END = "*** End Patch";
/** Anything that a more lenient reader than OpenCode's could take for a header that names a file. */
const likeHeader = /^\s*\*{2,}\s*(add|update|delete|move|rename|copy)\b[^:]*:/i;

/**
 * Reads which files a patch would touch, the way OpenCode 1.18's own parser does (its code in the binary:
 * `parsePatch`): an optional heredoc is unwrapped, lines end at "\n", headers stand at the start of a line
 * between the first Begin and the first End marker, paths are trimmed, what is no header is skipped.
 * A patch that another version's parser could read differently (a header out of place, an empty path,
 * lone carriage returns before a marker) is a problem, not a guess.
 */
export function readPatch(text: string): PatchReading {
  if (/\r(?!\n)\s*\*\*\*/.test(text)) return problem("a marker stands behind a lone carriage return");
  const lines = unwrap(text.trim()).split("\n");
  const begins = indexesOf(lines, BEGIN);
  const ends = indexesOf(lines, END);
  const begin = begins[0];
  const end = ends[0];
  if (begin === undefined || end === undefined || begin >= end) {
    return problem(`it needs "${BEGIN}" and then "${END}", each on a line of its own`);
  }
  if (begins.length > 1 || ends.length > 1) return problem("it holds more than one patch");
  const outside = [...lines.slice(0, begin), ...lines.slice(end + 1)];
  if (outside.some((line) => likeHeader.test(line))) return problem("a header stands outside the patch");
  return readFiles(lines.slice(begin + 1, end));
}

type Header = { verb: "Add" | "Update" | "Delete"; path: string };

function readFiles(lines: string[]): PatchReading {
  const changes: FileChange[] = [];
  let within: Header["verb"] | undefined;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    const header = headerOf(line);
    if (!header) {
      if (mayBeHeader(line, within)) return problem(`line ${index + 2} looks like a header but is none`);
      continue;
    }
    if (header.path === "") return problem(`line ${index + 2} names no file`);
    within = header.verb;
    const next = lines[index + 1] ?? "";
    if (header.verb === "Update" && next.startsWith("*** Move to:")) {
      const to = next.slice("*** Move to:".length).trim();
      if (to === "") return problem(`line ${index + 3} names no file`);
      changes.push({ op: "move", path: header.path, to });
      index++;
    } else {
      changes.push({ op: operations[header.verb], path: header.path });
    }
  }
  return changes.length > 0 ? { ok: true, changes } : problem("it names no file");
}

/** An added file replaces what is there. */
const operations = { Add: "write", Update: "modify", Delete: "delete" } as const;

function headerOf(line: string): Header | undefined {
  for (const verb of ["Add", "Update", "Delete"] as const) {
    const start = `*** ${verb} File:`;
    if (line.startsWith(start)) return { verb, path: line.slice(start.length).trim() };
  }
  return undefined;
}

/** Content lines of a file start with `+`, `-` or a space; what they say is text. */
function mayBeHeader(line: string, within: Header["verb"] | undefined): boolean {
  if (!likeHeader.test(line)) return false;
  return !(within === "Update" && line.startsWith(" "));
}

/** OpenCode unwraps `cat <<'EOF'` around the patch. */
function unwrap(text: string): string {
  return /^(?:cat\s+)?<<['"]?(\w+)['"]?\s*\n([\s\S]*?)\n\1\s*$/.exec(text)?.[2] ?? text;
}

function indexesOf(lines: string[], marker: string): number[] {
  return lines.flatMap((line, index) => (line.trim() === marker ? [index] : []));
}

function problem(text: string): PatchReading {
  return { ok: false, problem: text };
}
