import { Frame, type RuleEffect } from "./frame.ts";
import { type FileEffect, Ledger } from "./ledger.ts";
import { readScript } from "./walk.ts";
import type { World } from "./world.ts";

/** What a command does for certain, if it succeeds. */
export interface Effects {
  files: FileEffect[];
  renames: { from: string; to: string }[];
  rules: RuleEffect[];
  /** A trap may remove what the command has made. */
  trapped: boolean;
}

/**
 * Reads a shell command and says what it is certain to do. What depends on a branch, a glob, an unknown
 * variable or on what another program does is left out, and so is what the command undoes itself.
 * Never throws: a command that cannot be read has no certain effects.
 * @param cwd absolute path where it starts
 */
export function effectsOf(command: string, cwd: string, world: World): Effects {
  const ledger = new Ledger();
  const notes = { ledger, rules: [], world, trapped: false, stirred: false };
  const frame = new Frame(notes, cwd);
  try {
    readScript(command, frame, true);
  } catch {
    // A parser that gives up, or a command nested too deep: nothing about it is certain.
    return { files: [], renames: [], rules: [], trapped: false };
  }
  return { files: ledger.effects(), renames: ledger.renames(), rules: notes.rules, trapped: notes.trapped };
}
