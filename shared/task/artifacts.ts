import { statSync } from "node:fs";
import { join, posix } from "node:path";

/** What may lie beside a packet (requirements, opencode-orchestration: preferred artifact set). */
const NAMES = ["specs.md", "spec.md", "tasks.md", "implement.md"];

/**
 * The artifacts beside a packet, which the executor reads and does not change unless the packet names them.
 * @param file the packet, relative to the root
 * @returns paths relative to the root
 */
export function packetArtifacts(file: string, root: string): string[] {
  const folder = posix.dirname(file);
  return NAMES.map((name) => (folder === "." ? name : `${folder}/${name}`)).filter(
    (path) => path !== file && statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true,
  );
}
