/** What changed in one file, as git prints it. */
export interface FileDiff {
  path: string;
  text: string;
}

/** What a reviewer is shown at once. */
export interface Chunk {
  text: string;
  paths: string[];
}

export interface Chunks {
  chunks: Chunk[];
  /** Files that are named to the reviewer but not shown: they would not fit. */
  omitted: string[];
}

/** Characters in one prompt: about 15,000 tokens. */
const CHUNK = 60_000;
/** More prompts than these nobody waits for. */
const MAX_CHUNKS = 12;
/** A line longer than this is generated or packed. */
const MAX_LINE = 2_000;

/**
 * Divides a diff into parts that a reviewer can read: whole files where they fit, else whole hunks, else lines.
 * @param limits characters in a part, and how many parts
 */
export function chunksOf(
  files: readonly FileDiff[],
  { size = CHUNK, most = MAX_CHUNKS }: { size?: number; most?: number } = {},
): Chunks {
  const chunks: Chunk[] = [];
  const omitted: string[] = [];
  let open: Chunk = { text: "", paths: [] };
  const close = () => {
    if (open.text !== "") chunks.push(open);
    open = { text: "", paths: [] };
  };
  for (const file of files) {
    const pieces = piecesOf(file, size);
    // A file of which only the beginning would be shown is better read as a whole, where it lies.
    const room = most - chunks.length - (open.text === "" ? 0 : 1);
    const fits = pieces.length === 1 && open.text.length + (pieces[0]?.length ?? 0) <= size;
    if (!fits && pieces.length > room) {
      omitted.push(file.path);
      continue;
    }
    for (const piece of pieces) {
      if (open.text !== "" && open.text.length + piece.length > size) close();
      open.text += piece;
      if (!open.paths.includes(file.path)) open.paths.push(file.path);
    }
  }
  close();
  return { chunks, omitted };
}

/** A file's diff in pieces of at most `size` characters, each with the file's header. */
function piecesOf({ text }: FileDiff, size: number): string[] {
  const short = text.replace(LONG_LINES, (line) => `${line.slice(0, MAX_LINE)}… (cut)`);
  const whole = short.endsWith("\n") ? short : `${short}\n`;
  if (whole.length <= size) return [whole];
  const first = whole.search(/(?<=\n)@@ /);
  const header = first < 0 ? "" : whole.slice(0, first);
  const hunks = (first < 0 ? whole : whole.slice(first)).split(/(?<=\n)(?=@@ )/);
  const room = Math.max(1_000, size - header.length);
  const pieces: string[] = [];
  for (const part of hunks.flatMap((hunk) => linesWithin(hunk, room))) {
    const last = pieces.at(-1);
    if (last !== undefined && last.length + part.length <= room) pieces[pieces.length - 1] = last + part;
    else pieces.push(part);
  }
  return pieces.map((piece) => header + piece);
}

/** A line ends where git ends it: at no other character. */
const LONG_LINES = new RegExp(`[^\\n]{${MAX_LINE + 1},}`, "g");

function linesWithin(hunk: string, room: number): string[] {
  if (hunk.length <= room) return [hunk];
  const parts: string[] = [];
  let part = "";
  for (const line of hunk.split(/(?<=\n)/)) {
    if (part !== "" && part.length + line.length > room) {
      parts.push(part);
      part = "";
    }
    part += line;
  }
  return part === "" ? parts : [...parts, part];
}
