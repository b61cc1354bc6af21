/** A pattern as the scope holds it: relative to the root, `/`-separated; or why there is none. */
export type PatternResult =
  | { ok: true; pattern: string }
  | { ok: false; reason: "everything" | "outside" | "invalid" | "git-dir"; message: string };

/** Nothing but wildcards (the matcher holds the same shape to be no pattern). */
const everything = /^[*?./{},()!+@|\s-]*$/;
const isControl = (char: string) =>
  char < " " || /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/.test(char);
const MAX_PATTERN = 1_000;

/**
 * Makes a path or glob of a task relative to the repository root.
 * @param raw as the task has it: `./`, backslashes, an absolute path inside the root, `dir/...`
 * @param root the repository root, absolute; empty when there is none
 */
export function normalizePattern(raw: string, root: string): PatternResult {
  const fail = (
    reason: "everything" | "outside" | "invalid" | "git-dir",
    message: string,
  ): PatternResult => ({
    ok: false,
    reason,
    message,
  });
  if ([...raw].some(isControl))
    return fail("invalid", `${quote(raw)} holds a control character; write the path in plain characters`);
  if (raw.length > MAX_PATTERN) return fail("invalid", `the path ${quote(raw)} is too long`);
  let path = raw.trim().replace(/\\/g, "/");
  if (path === "") return fail("invalid", "an empty path; name a file, for example src/api/client.ts");
  if (path.startsWith("!"))
    return fail("invalid", `${quote(raw)} is a negation; write "except" and the path`);
  const all = () =>
    fail(
      "everything",
      `${quote(raw)} is the whole repository; name the files or folders, for example src/api/`,
    );
  if (path === "/") return all();
  if (/^(~|\$\{?\w+\}?)(\/|$)/.test(path) || /^[A-Za-z]:\//.test(path) || path.startsWith("/")) {
    const inside = relativeTo(root, path);
    if (inside === undefined)
      return fail(
        "outside",
        `${quote(raw)} lies outside the repository; name files inside it, relative to its root (without a leading "/")`,
      );
    path = inside;
  }
  const isFolder = /(^|\/)(\.{1,2})?$/.test(path) || path.endsWith("/...");
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") segments.push(segment);
    else if (segments.length > 0 && !/[*?{[]/.test(segments.at(-1) ?? "")) segments.pop();
    else return fail("outside", `${quote(raw)} leads out of the repository; name files inside it`);
  }
  if (segments.at(-1) === "...") segments.pop();
  if (segments.includes("...")) return fail("invalid", `${quote(raw)} holds "..."; write the whole path`);
  const pattern = segments.join("/");
  if (everything.test(pattern)) return all();
  if (segments.some((segment) => /^(\.git|git~\d+)[. ]*(:.*)?$/i.test(segment)))
    return fail("git-dir", `${quote(raw)} is git's own folder; no task may write there`);
  return { ok: true, pattern: isFolder ? `${pattern}/` : pattern };
}

/** The rest of an absolute path below the root; undefined where it lies elsewhere. */
function relativeTo(root: string, path: string): string | undefined {
  const base = root.replace(/\\/g, "/").replace(/\/+$/, "");
  if (base === "") return undefined;
  const plain = path.replace(/\/{2,}/g, "/");
  if (plain === base) return "";
  return plain.startsWith(`${base}/`) ? plain.slice(base.length + 1) : undefined;
}

/** A text from a task inside a message: capped, and without characters that could disguise it. */
export function quote(text: string): string {
  const plain = [...text.slice(0, 120)].map((char) => (isControl(char) ? "?" : char)).join("");
  return `"${plain}${text.length > 120 ? "…" : ""}"`;
}

/** Whether a pattern names one path: no glob. A trailing slash makes it a folder. */
export function isLiteral(pattern: string): boolean {
  return !/[*?{]/.test(pattern);
}

/** Whether a folder pattern (`dir/`, `dir/**`) covers everything that the other pattern can match. */
export function coversPattern(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  const folder = outer.endsWith("/**") ? outer.slice(0, -2) : outer;
  if (!folder.endsWith("/") || !isLiteral(folder)) return false;
  return inner.startsWith(folder) && inner.length > folder.length;
}
