import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { opencodeUserFolder } from "../../../shared/config/opencode-sources.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { VERSION } from "../../../shared/version.ts";
import { handrailEntry } from "../../install/entry.ts";
import {
  entryLine,
  newConfigText,
  type OpencodeConfig,
  parseOpencodeConfig,
  schemaAdded,
  withEntry,
  withoutEntries,
  withSpec,
} from "./opencode-config.ts";
import { isSameAndLasting, lastingPlace, type OurFolder, wholeFolder } from "./package.ts";
import { type Change, nothing, type Place, type Plan } from "./plan.ts";
import {
  dropRecord,
  type InstallRecord,
  isAsLeft,
  readRecord,
  restore,
  sameBytes,
  saveRecord,
  sha256,
} from "./record.ts";
import { missingFolders, readUserFile, requireWritable, writeUserFile } from "./user-file.ts";

/** A configuration file as it is now. */
interface Target {
  file: string;
  bytes: Buffer | undefined;
  config: OpencodeConfig | undefined;
  /** Indexes of Handrail's entries in its `plugin` list. */
  ours: number[];
}

/**
 * What it takes so that OpenCode loads the plugin.
 * @param pluginFile the built plugin that belongs to this companion
 * @throws HandrailError `invalid-config` (file and line), `not-writable`; nothing has been changed then
 */
export function planOpencode(place: Place, pluginFile: string): Plan {
  const target = chooseTarget(place);
  const ours = wholeFolder(dirname(pluginFile));
  const lasting = lastingPlace(ours, "plugin", place.env);
  const entry = pathToFileURL(join(lasting.folder, "index.js")).href;
  const edit = editFor(target, entry, ours, place.env);
  if (!edit) return nothing(`OpenCode: ${target.file} names the plugin already`);
  requireWritable(target.file);
  const apply = async () => {
    lasting.make();
    if (edit.text === target.config?.text) return `OpenCode: ${lasting.folder} made anew`;
    write(place.env, target, edit.text, !target.config?.hasList);
    return `OpenCode: ${target.file} ${target.bytes ? "changed" : "made"}`;
  };
  return {
    changes: [{ host: "opencode", file: target.file, lines: edit.lines, apply }],
    already: [],
    notDone: [],
  };
}

/** The way back: the bytes from before where the file is as `init` left it, else without Handrail's entry. */
export function planOpencodeUndo(place: Place): Plan {
  const changes = candidates(place).flatMap((file) => undoChange(file, place.env) ?? []);
  return changes.length > 0
    ? { changes, already: [], notDone: [] }
    : nothing(`OpenCode: no ${place.level} configuration names the plugin`);
}

function undoChange(file: string, env: NodeJS.ProcessEnv): Change | undefined {
  const record = readRecord(file, env);
  const bytes = readUserFile(file);
  if (record && isAsLeft(record, bytes)) {
    requireWritable(file);
    const made = record.original === null;
    const apply = async () => {
      refuseIfChanged(file, bytes);
      restore(record);
      dropRecord(file, env);
      return `OpenCode: ${file} ${made ? "removed" : "restored to the bytes from before"}`;
    };
    return {
      host: "opencode",
      file,
      lines: [made ? "- the file, which init made" : "the bytes from before"],
      apply,
    };
  }
  const target = read(file, bytes);
  const { config, ours } = target;
  if (!config || ours.length === 0) return undefined;
  requireWritable(file);
  const apply = async () => {
    refuseIfChanged(file, bytes);
    writeUserFile(file, withBom(config, withoutEntries(config, ours, record?.madeList ?? false)));
    dropRecord(file, env);
    const why = record ? "was edited since" : "was not changed by init";
    return `OpenCode: ${file} ${why}: only Handrail's entry was taken out`;
  };
  return { host: "opencode", file, lines: removalLines(config, ours), apply };
}

function editFor(
  { config, ours, file }: Target,
  entry: string,
  built: OurFolder,
  env: NodeJS.ProcessEnv,
): { text: string; lines: string[] } | undefined {
  if (!config) return { text: newConfigText(entry), lines: added(newConfigText(entry)) };
  const [first, ...others] = ours;
  if (first === undefined) {
    const text = withEntry(config, entry);
    const index = config.plugins.length;
    return { text, lines: [`+ line ${entryLine(text, index)}: ${JSON.stringify(entry)} in "plugin"`] };
  }
  if (others.length === 0 && isCurrent(config.plugins[first], file, built, env)) return undefined;
  const lines = removalLines(config, ours);
  const replaced = withSpec(config, first, entry);
  const text = withoutEntries({ ...config, text: replaced }, others, false);
  if (text === config.text) return { text, lines: ["the copy of the plugin is damaged and is made anew"] };
  return { text, lines: [...lines, `+ line ${entryLine(text, first)}: ${JSON.stringify(entry)}`] };
}

function isCurrent(value: unknown, file: string, built: OurFolder, env: NodeJS.ProcessEnv): boolean {
  const known = handrailEntry(value, dirname(file));
  if (known?.kind === "npm") return [undefined, "latest", VERSION].includes(known.version);
  return known?.kind === "file" && isSameAndLasting(dirname(known.file), built, env);
}

function write(env: NodeJS.ProcessEnv, target: Target, text: string, madeList: boolean): void {
  const { file, bytes, config } = target;
  refuseIfChanged(file, bytes);
  const written = config ? withBom(config, text) : Buffer.from(text);
  const kept: Pick<InstallRecord, "original" | "folders" | "madeList"> = before(env, target) ?? {
    original: bytes?.toString("base64") ?? null,
    folders: missingFolders(dirname(file)),
    madeList,
  };
  const byHost = schemaAdded(written.toString("utf8"));
  // First the way back, then the change: a crash between the two leaves nothing that cannot be undone.
  saveRecord({ ...kept, file, left: [sha256(written), sha256(byHost)] }, env);
  writeUserFile(file, written);
}

/** What an earlier `init` found, if its change still stands; user edits since become part of the original. */
function before(env: NodeJS.ProcessEnv, { file, bytes, config, ours }: Target) {
  const record = readRecord(file, env);
  if (!record || !config || ours.length === 0) return undefined;
  if (isAsLeft(record, bytes)) return record;
  const original = withBom(config, withoutEntries(config, ours, record.madeList)).toString("base64");
  return { original, folders: [], madeList: record.madeList };
}

/** The file to change: the one that has the entry, else one with a `plugin` list, else one that exists. */
function chooseTarget(place: Place): Target {
  const files = candidates(place);
  const targets = files.map((file) => read(file, readUserFile(file))).filter((target) => target.config);
  const chosen =
    targets.find((target) => target.ours.length > 0) ??
    targets.find((target) => target.config?.hasList) ??
    targets[0];
  return chosen ?? { file: files[0] ?? "", bytes: undefined, config: undefined, ours: [] };
}

/** @throws HandrailError `not-a-repository` for the project's configuration outside a repository */
function candidates({ level, root, env }: Place): string[] {
  if (level === "project" && root === undefined) {
    throw new HandrailError("not-a-repository", "there is no project here", { fix: "handrail init --user" });
  }
  const folder = level === "user" || root === undefined ? opencodeUserFolder(env) : root;
  return [join(folder, "opencode.json"), join(folder, "opencode.jsonc")];
}

function read(file: string, bytes: Buffer | undefined): Target {
  if (!bytes) return { file, bytes, config: undefined, ours: [] };
  const config = parseOpencodeConfig(file, bytes);
  const ours = config.plugins.flatMap((entry, index) => (handrailEntry(entry, dirname(file)) ? [index] : []));
  return { file, bytes, config, ours };
}

function refuseIfChanged(file: string, bytes: Buffer | undefined): void {
  if (sameBytes(file, bytes)) return;
  throw new HandrailError("busy", `${file} was changed meanwhile; nothing was written`, {
    fix: "run it again",
  });
}

function withBom(config: OpencodeConfig, text: string): Buffer {
  return Buffer.from(config.bom + text);
}

function removalLines(config: OpencodeConfig, ours: number[]): string[] {
  return ours.map(
    (index) => `- line ${entryLine(config.text, index)}: ${JSON.stringify(specOf(config.plugins[index]))}`,
  );
}

function specOf(entry: unknown): unknown {
  return Array.isArray(entry) ? entry[0] : entry;
}

function added(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `+ ${line}`);
}
