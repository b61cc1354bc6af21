import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ParseError, parse } from "jsonc-parser";
import * as z from "zod/mini";
import { opencodeConfigTexts, opencodePluginFolders } from "../../shared/config/opencode-sources.ts";
import { handrailEntry, isHandrailFile } from "./entry.ts";

export interface Installed {
  installed: boolean;
  /** The configuration file, or variable, that names the plugin; or its file in a folder of plugins. */
  where?: string;
  /** Why it does not count as installed, or will not load; in plain words. */
  problem?: string;
}

const listSchema = z.looseObject({ plugin: z.optional(z.array(z.unknown())) });

/**
 * Whether OpenCode's configuration names Handrail's plugin, and its file exists. Reads files only: that the
 * plugin also loads is what `handrail doctor` finds out.
 * @param root top level of the working tree
 * @param env the environment that OpenCode will get
 * @param directory where OpenCode is started, in the working tree
 */
export function opencodePluginInstalled(
  root: string,
  env: NodeJS.ProcessEnv,
  directory: string = root,
): Installed {
  if (isSet(env.OPENCODE_PURE)) {
    return { installed: false, problem: "OPENCODE_PURE is set: OpenCode then loads no plugin" };
  }
  let found: Installed | undefined;
  let problem: string | undefined;
  for (const { where, folder, text } of sources(root, directory, env)) {
    const entries = pluginsIn(text, env);
    if (!entries) {
      problem ??= `${where} is no valid configuration: OpenCode does not start with it`;
      continue;
    }
    for (const entry of entries) {
      const ours = handrailEntry(entry, folder);
      if (ours?.kind === "broken") problem ??= `${where} names ${ours.file}, and the plugin is not there`;
      else if (ours) found ??= { installed: true, where };
    }
  }
  found ??= inFolders(root, directory, env);
  const answer = found ?? { installed: false };
  return problem === undefined ? answer : { ...answer, problem };
}

function inFolders(root: string, directory: string, env: NodeJS.ProcessEnv): Installed | undefined {
  for (const folder of opencodePluginFolders(directory, root, env)) {
    const file = namesIn(folder)
      .filter((name) => /\.[jt]s$/.test(name))
      .map((name) => join(folder, name))
      .find(isHandrailFile);
    if (file !== undefined) return { installed: true, where: file };
  }
  return undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not there, as a rule
  }
}

function* sources(
  root: string,
  directory: string,
  env: NodeJS.ProcessEnv,
): Generator<{ where: string; folder: string; text: string }> {
  for (const { file, text } of opencodeConfigTexts(directory, root, env)) {
    yield { where: file, folder: dirname(file), text };
  }
  const text = env.OPENCODE_CONFIG_CONTENT;
  if (text) yield { where: "OPENCODE_CONFIG_CONTENT", folder: directory, text };
}

/** @returns undefined for a text that OpenCode refuses */
function pluginsIn(text: string, env: NodeJS.ProcessEnv): unknown[] | undefined {
  // OpenCode puts the values of variables in before it parses.
  const plain = text.replace(/^\uFEFF/, "").replace(/\{env:([^}]+)\}/g, (_, name: string) => env[name] ?? "");
  if (plain.trim() === "") return [];
  const errors: ParseError[] = [];
  const parsed = listSchema.safeParse(parse(plain, errors, { allowTrailingComma: true }));
  return parsed.success && errors.length === 0 ? (parsed.data.plugin ?? []) : undefined;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value.toLowerCase() !== "false";
}
