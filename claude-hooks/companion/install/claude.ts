import { dirname, join } from "node:path";
import {
  CLAUDE_MISSING,
  type Claude,
  type ClaudePlugin,
  findClaude,
  isHere,
  MARKETPLACE,
  PLUGIN_ID,
  settingsFile,
} from "./claude-cli.ts";
import { declaresMarketplace, dropOurs, requireJsonObject, withoutOurs } from "./claude-settings.ts";
import { claudeParts, lastingPlace } from "./package.ts";
import { nothing, type Place, type Plan } from "./plan.ts";
import {
  dropRecord,
  type InstallRecord,
  isAsLeft,
  readRecord,
  restore,
  saveRecord,
  sha256,
} from "./record.ts";
import { missingFolders, readUserFile, requireWritable } from "./user-file.ts";

const LEFT_OUT: Plan = { changes: [], already: [], notDone: [CLAUDE_MISSING] };

/**
 * What it takes so that Claude Code loads the plugin, by Claude Code's own command line.
 * @param marketplace folder of the package, or undefined where only the plugin itself was copied
 * @throws HandrailError `invalid-config`, `not-writable`, `run-failed`; nothing has been changed then
 */
export async function planClaude(place: Place, marketplace: string | undefined): Promise<Plan> {
  const claude = findClaude(place);
  if (!claude) return LEFT_OUT;
  const file = settingsFile(place);
  const before = readUserFile(file);
  if (before) requireJsonObject(file, before);
  const here = (await claude.installations()).find((plugin) => isHere(plugin, place));
  if (!marketplace) return here?.enabled ? already(file) : { ...LEFT_OUT, notDone: [PACKAGE_MISSING] };
  const lasting = lastingPlace(claudeParts(marketplace), "claude", place.env);
  if (here?.enabled && here.readFromFolder === join(lasting.folder, "claude-hooks")) return already(file);
  requireWritable(file);
  const apply = async () => {
    lasting.make();
    await install(claude, place, file, lasting.folder);
    return `Claude Code: ${PLUGIN_ID} installed (${place.level}); ${file} ${before ? "changed" : "made"}`;
  };
  const lines = [`+ marketplace "${MARKETPLACE}": ${lasting.folder}`, `+ plugin ${PLUGIN_ID}, enabled`];
  return { changes: [{ host: "claude", file, lines, apply }], already: [], notDone: [] };
}

/** The way back: uninstalled by Claude Code itself, and the settings file as it was. */
export async function planClaudeUndo(place: Place): Promise<Plan> {
  const file = settingsFile(place);
  const record = readRecord(file, place.env);
  const claude = findClaude(place);
  if (!claude) return record ? LEFT_OUT : nothing("Claude Code: nothing was installed");
  const all = await claude.installations();
  const here = all.find((plugin) => isHere(plugin, place));
  if (!here && !record) return nothing(`Claude Code: ${PLUGIN_ID} is not installed (${place.level})`);
  requireWritable(file);
  const lines = [...(here ? [`- plugin ${PLUGIN_ID}`] : []), `- marketplace "${MARKETPLACE}"`];
  const apply = () => uninstall(claude, place, file, { record, here, others: all.length > (here ? 1 : 0) });
  return { changes: [{ host: "claude", file, lines, apply }], already: [], notDone: [] };
}

async function install(claude: Claude, place: Place, file: string, folder: string): Promise<void> {
  const before = readUserFile(file);
  const earlier = readRecord(file, place.env);
  const kept: Pick<InstallRecord, "original" | "folders"> =
    earlier && isAsLeft(earlier, before)
      ? earlier
      : // An installation from before is taken over: undone, nothing of Handrail is left.
        {
          original: before ? withoutOurs(before).toString("base64") : null,
          folders: missingFolders(dirname(file)),
        };
  const save = (bytes: Buffer | undefined) => {
    const left = bytes ? [sha256(bytes)] : [];
    saveRecord({ file, original: kept.original, folders: kept.folders, left, madeList: false }, place.env);
  };
  save(before);
  try {
    await claude.change("marketplace", "add", folder, "--scope", place.level);
    await claude.change("install", PLUGIN_ID, "--scope", place.level);
  } finally {
    save(readUserFile(file));
  }
}

interface Found {
  record: InstallRecord | undefined;
  here: ClaudePlugin | undefined;
  /** Whether other projects, or the user, have the plugin too. */
  others: boolean;
}

async function uninstall(claude: Claude, place: Place, file: string, found: Found): Promise<string> {
  const untouched = found.record !== undefined && isAsLeft(found.record, readUserFile(file));
  if (found.here) await claude.change("uninstall", PLUGIN_ID, "--scope", place.level);
  // Removing the marketplace uninstalls the plugin everywhere (measured), so only the last one does that.
  if (!found.others) await removeMarketplace(claude, place, file);
  if (found.record && untouched) restore(found.record);
  else dropOurs(file);
  dropRecord(file, place.env);
  const how = untouched
    ? `${file} ${found.record?.original === null ? "removed" : "restored to the bytes from before"}`
    : `${file} ${found.record ? "was edited since" : "was not changed by init"}: only Handrail's lines were taken out`;
  return `Claude Code: ${PLUGIN_ID} uninstalled; ${how}`;
}

async function removeMarketplace(claude: Claude, place: Place, file: string): Promise<void> {
  if (!declaresMarketplace(file)) return;
  await claude.change("marketplace", "remove", MARKETPLACE, "--scope", place.level);
}

function already(file: string): Plan {
  return nothing(`Claude Code: ${file} has ${PLUGIN_ID} already`);
}

const PACKAGE_MISSING = {
  host: "claude",
  code: "not-found",
  message: "Claude Code: this copy of Handrail is a plugin by itself, without the package it came from",
  fix: "npm install -g opencode-handrail, then: handrail init --host claude",
} as const;
