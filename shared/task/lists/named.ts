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
