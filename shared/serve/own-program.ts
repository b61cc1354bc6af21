import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HandrailError } from "../errors.ts";

/** How to start a program: its words, and the variables it needs. */
export interface ProgramCall {
  command: string[];
  environment: Record<string, string>;
}

/**
 * One of Handrail's own built programs. They lie beside the OpenCode plugin, wherever that was copied to,
 * and in the companion's build below `opencode-plugin/`.
 * @param name the file, e.g. `shell.cjs`
 * @throws HandrailError `confinement-failed` when the installation lacks it
 */
export function ownProgram(name: string): ProgramCall {
  for (const place of [`./${name}`, `./opencode-plugin/${name}`, `../opencode-plugin/${name}`]) {
    const file = fileURLToPath(new URL(place, import.meta.url));
    if (!existsSync(file)) continue;
    // OpenCode is a program with a Bun inside, and no node need be there (facts, opencode.md).
    const environment: Record<string, string> = process.versions.bun ? { BUN_BE_BUN: "1" } : {};
    return { command: [process.execPath, file], environment };
  }
  throw new HandrailError("confinement-failed", `${name} is missing from this installation of Handrail`, {
    fix: "handrail doctor",
  });
}
