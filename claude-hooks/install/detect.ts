import { dirname } from "node:path";
import { type ParseError, parse } from "jsonc-parser";
import * as z from "zod/mini";
import { opencodeConfigTexts } from "../../shared/config/opencode-sources.ts";
import { handrailEntry } from "./entry.ts";

export interface Installed {
  installed: boolean;
  /** The configuration file, or variable, that names the plugin. */
  where?: string;
  /** Why it does not count as installed, or will not load; in plain words. */
  problem?: string;
}

const listSchema = z.looseObject({ plugin: z.optional(z.array(z.unknown())) });

/**
 * Whether OpenCode's configuration names Handrail's plugin, and its file exists. Reads files only: that the
 * plugin also loads is what `handrail doctor` finds out.
 * @param root top level of the working tree, where OpenCode is started
 * @param env the environment that OpenCode will get
 */
export function opencodePluginInstalled(root: string, env: NodeJS.ProcessEnv): Installed {
  if (isSet(env.OPENCODE_PURE)) {
    return { installed: false, problem: "OPENCODE_PURE is set: OpenCode then loads no plugin" };
  }
  let found: Installed | undefined;
  let problem: string | undefined;
  for (const { where, folder, text } of sources(root, env)) {
    const entries = pluginsIn(text);
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
  const answer = found ?? { installed: false };
  return problem === undefined ? answer : { ...answer, problem };
}

function* sources(
  root: string,
  env: NodeJS.ProcessEnv,
): Generator<{ where: string; folder: string; text: string }> {
  for (const { file, text } of opencodeConfigTexts(root, root, env)) {
    yield { where: file, folder: dirname(file), text };
  }
  const text = env.OPENCODE_CONFIG_CONTENT;
  if (text) yield { where: "OPENCODE_CONFIG_CONTENT", folder: root, text };
}

/** @returns undefined for a text that OpenCode refuses */
function pluginsIn(text: string): unknown[] | undefined {
  const plain = text.replace(/^\uFEFF/, "");
  if (plain.trim() === "") return [];
  const errors: ParseError[] = [];
  const parsed = listSchema.safeParse(parse(plain, errors, { allowTrailingComma: true }));
  return parsed.success && errors.length === 0 ? (parsed.data.plugin ?? []) : undefined;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value.toLowerCase() !== "false";
}
