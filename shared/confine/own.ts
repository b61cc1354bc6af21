import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, relative } from "node:path";
import { isBelow } from "./tools.ts";

/**
 * What of a working tree Handrail itself runs, outside of any command: the package it is installed in
 * (`npm install --save-dev`), or its build, where the tree is Handrail's own. No command may change it, though
 * git ignores it like the rest of `node_modules/`.
 * @param words of the program that applies layers
 * @returns folders or files, relative to the root
 */
export function ownPlaces(root: string, words: readonly string[]): string[] {
  const files = words.filter((word) => isAbsolute(word) && existsSync(word));
  const known = files.flatMap((file) => [file, realpathSync(file)]).filter((file) => isBelow(file, root));
  return [...new Set(known.map((file) => packageOf(relative(root, file))))];
}

function packageOf(file: string): string {
  const steps = file.split("/");
  const modules = steps.lastIndexOf("node_modules");
  if (modules >= 0) {
    return steps.slice(0, modules + (steps[modules + 1]?.startsWith("@") ? 3 : 2)).join("/");
  }
  const built = steps.indexOf("dist");
  if (built >= 0) return steps.slice(0, built + 1).join("/");
  return steps.length === 1 ? file : dirname(file);
}
