export type Kind = "file" | "directory" | undefined;

/** What compiling needs to know of the working tree; nothing is asked after that. */
export interface Surroundings {
  /** What lies at a path relative to the root when the run starts. */
  kindOf?: (relPath: string) => Kind;
  caseInsensitive?: boolean;
}
