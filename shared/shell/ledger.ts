/** What one command does to files, in order, so that what it undoes itself does not count. */

/** A change that stands when the command has ended, if it succeeds. Paths are absolute. */
export interface FileEffect {
  /** `write` replaces or creates, `create` only where nothing is, `delete` takes a tree, `mkdir` makes a folder. */
  kind: "write" | "create" | "delete" | "mkdir";
  path: string;
  /** The program that does it, for messages. */
  by: string;
  /** The bytes go into the file that is there, through its links (a redirection), not into a new one. */
  inPlace: boolean;
  /** The command has replaced or removed something on the way: what is on disk now says nothing. */
  fresh: boolean;
}

interface Entry extends FileEffect {
  order: number;
}

export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #touched = new Set<string>();
  /** Copies made of files: copy -> original. */
  readonly #copies = new Map<string, string>();
  #renames: { from: string; to: string }[] = [];
  #order = 0;
  /** Paths that matter while something is read; for what runs at the same time. */
  #watched: Set<string>[] = [];

  record(kind: FileEffect["kind"], path: string, by: string, inPlace = false): void {
    this.look(path);
    const before = this.#entries.get(path);
    if (kind === "create" && before && before.kind !== "delete") return;
    if (kind === "delete") this.#forget(path, false);
    const fresh = this.isFresh(path);
    if (kind === "delete" || !inPlace) this.#touched.add(path);
    this.#entries.set(path, { kind, path, by, inPlace, fresh, order: before?.order ?? this.#order++ });
  }

  /** A copy or a move from one path to another, both certain. */
  transfer(from: string, to: string, by: string, how: "copy" | "move"): void {
    this.look(from);
    const restores = this.#copies.get(from) === to;
    this.#copies.set(to, from);
    if (how === "move") {
      this.record("delete", from, by);
      this.#renames.push({ from, to });
    }
    if (restores) this.doubt(to);
    else this.record("write", to, by, how === "copy");
  }

  /** Something may have written or removed the path (a branch that may not run). */
  doubt(path: string): void {
    this.look(path);
    this.#forget(path, true);
    this.#touched.add(path);
  }

  /** Reads things that run at the same time: where two of them meet at a path, nothing of either is certain. */
  together(reads: readonly (() => void)[]): void {
    const seen = reads.map((read) => {
      const paths = new Set<string>();
      this.#watched.push(paths);
      read();
      this.#watched.pop();
      return paths;
    });
    for (const [index, paths] of seen.entries()) {
      for (const others of seen.slice(index + 1)) {
        const meet = [...paths].some((path) =>
          [...others].some((other) => isWithin(path, other) || isWithin(other, path)),
        );
        if (meet) for (const path of [...paths, ...others]) this.doubt(path);
      }
    }
  }

  /** Notes that what happens depends on what lies at the path. */
  look(path: string): void {
    for (const paths of this.#watched) paths.add(path);
  }

  /** Something may have restored or removed anything (`git stash`, `rm "$f"`). */
  doubtAll(): void {
    for (const path of ["/", ...this.#entries.keys()]) this.#touched.add(path);
    this.#entries.clear();
    this.#renames = [];
  }

  /** Whether nothing has been changed yet, for certain or perhaps. */
  get isEmpty(): boolean {
    return this.#touched.size === 0 && this.#entries.size === 0;
  }

  /** Whether the command has changed the path. */
  knows(path: string): boolean {
    return this.#entries.has(path);
  }

  /** Whether the command has left something at the path; undefined where it has not touched it for certain. */
  exists(path: string): boolean | undefined {
    const entry = this.#entries.get(path);
    return entry && entry.kind !== "delete";
  }

  /** Whether the command has made a folder here. */
  made(path: string): boolean {
    return this.#entries.get(path)?.kind === "mkdir";
  }

  /** What stands at the end, in the order in which it was done first. */
  effects(): FileEffect[] {
    return [...this.#entries.values()].sort((a, b) => a.order - b.order);
  }

  /** Moves that stand at the end. */
  renames(): { from: string; to: string }[] {
    return this.#renames.filter(
      ({ from, to }) => this.#entries.get(from)?.kind === "delete" && this.#entries.get(to)?.kind === "write",
    );
  }

  isFresh(path: string): boolean {
    for (let at = path; at.length > 1; at = at.slice(0, Math.max(at.lastIndexOf("/"), 0))) {
      if (this.#touched.has(at)) return true;
    }
    return false;
  }

  /** Drops what is known of a path and of everything below it. */
  #forget(path: string, itself: boolean): void {
    for (const other of this.#entries.keys()) {
      if (isWithin(other, path) && (itself || other !== path)) this.#entries.delete(other);
    }
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
