import { existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { parseJson } from "../../shared/state/files.ts";

/** An entry of OpenCode's `plugin` list: a spec, or a spec with options. */
export const pluginEntrySchema = z.union([z.string(), z.tuple([z.string()], z.unknown())]);

/** `broken`: an entry of Handrail's that leads to no plugin of ours any more; OpenCode goes on without a word. */
export type HandrailEntry =
  | { kind: "npm"; version: string | undefined }
  | { kind: "file"; file: string }
  | { kind: "broken"; file: string };

const NPM_NAME = "opencode-handrail";
const packageSchema = z.looseObject({ name: z.string() });

/** Where an installation or a copy of ours used to keep the plugin. */
const OUR_PLACES = [
  /\/node_modules\/opencode-handrail(\/|$)/,
  /\/claude-hooks\/dist\/opencode-plugin\/index\.js$/,
  /\/plugin\/\d+\.\d+\.\d+[^/]*-[0-9a-f]{12}\/index\.js$/,
];
/** A checkout of the project that has moved. */
const OLD_CHECKOUT = /\bhandrail\b.*\/opencode-plugin(\/dist)?(\/index\.[jt]s)?$/;

/**
 * Tells whether an entry of a `plugin` list stands for Handrail's OpenCode plugin, and whether its file is
 * there. A file counts when it names itself so: other packages have an `opencode-plugin` folder, too.
 * @param entry any value from the list
 * @param folder the folder of the configuration file: relative paths start there
 * @returns undefined for another plugin
 */
export function handrailEntry(entry: unknown, folder: string): HandrailEntry | undefined {
  const parsed = pluginEntrySchema.safeParse(entry);
  if (!parsed.success) return undefined;
  const spec = typeof parsed.data === "string" ? parsed.data : parsed.data[0];
  const [name, version] = spec.split("@");
  if (name === NPM_NAME) return { kind: "npm", version };
  const path = pathOf(spec, folder);
  if (path === undefined) return undefined;
  const file = fileAt(path);
  if (file !== undefined && isHandrailFile(file)) return { kind: "file", file };
  const plain = path.replaceAll("\\", "/");
  const ours = file === undefined ? [...OUR_PLACES, OLD_CHECKOUT] : OUR_PLACES;
  return ours.some((place) => place.test(plain)) ? { kind: "broken", file: path } : undefined;
}

/** Whether a file is Handrail's plugin, or hands it on under another name. */
export function isHandrailFile(file: string): boolean {
  try {
    return /\bid:\s*"handrail"|["']opencode-handrail["'/]/.test(readFileSync(file, "utf8"));
  } catch {
    return false; // not for us to read: then OpenCode cannot load it either
  }
}

/** OpenCode takes `file://`, absolute and dotted specs for paths; everything else is an npm name. */
function pathOf(spec: string, folder: string): string | undefined {
  if (spec.startsWith("file://")) {
    try {
      return fileURLToPath(spec);
    } catch {
      return undefined; // no URL of a file here
    }
  }
  return isAbsolute(spec) || spec.startsWith(".") ? resolve(folder, spec) : undefined;
}

/** The file that a path loads: itself, or what our package's folder leads to. */
function fileAt(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  if (statSync(path).isFile()) return path;
  const described = join(path, "package.json");
  const inside =
    existsSync(described) && isOurPackage(described) ? "opencode-plugin/dist/index.js" : "index.js";
  const file = join(path, inside);
  return existsSync(file) ? file : undefined;
}

function isOurPackage(file: string): boolean {
  const parsed = parseJson(readFileSync(file, "utf8"), packageSchema);
  return parsed.ok && parsed.value.name === NPM_NAME;
}
