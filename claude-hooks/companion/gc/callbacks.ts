import { rmSync } from "node:fs";
import { join } from "node:path";
import { entryFile, listOutbox, projectInbox } from "../../../shared/callback/outbox.ts";
import { projectDir, stateDir } from "../../../shared/state/place.ts";
import { changedAt, entriesOf, type Found, type Item, sizeOf } from "./item.ts";

/**
 * Callbacks that have come to their end: entries of the outbox with nothing to deliver, and what inboxes keep
 * of callbacks that a session was told. One that waits, to be delivered or to be read, stays.
 * @param stays whether a run stays
 */
export function oldCallbacks(root: string, before: number, stays: (run: string) => boolean): Found {
  const found: Found = { items: [], kept: [] };
  for (const { payload, targets } of listOutbox(root)) {
    const file = entryFile(root, payload.callback_id);
    if (changedAt(file) >= before || stays(payload.run_id)) continue;
    const name = payload.callback_id;
    if (targets.some((target) => target.state === "pending")) {
      found.kept.push({ kind: "callback", name, why: "it is not delivered yet" });
    } else found.items.push(callback(name, [file, heldBy(file)]));
  }
  const outbox = join(projectDir(root), "outbox");
  for (const held of entriesOf(outbox).filter((name) => name.endsWith(".held"))) {
    const entry = held.replace(/\.held$/, ".json");
    if (!entriesOf(outbox).includes(entry)) found.items.push(...leftovers([join(outbox, held)], before));
  }
  found.items.push(...ownInbox(root, before, stays));
  return found;
}

/** What nobody came for: runs without a caller call back into the project's own inbox. */
function ownInbox(root: string, before: number, stays: (run: string) => boolean): Item[] {
  const inbox = projectInbox(root);
  return entriesOf(inbox).flatMap((name): Item[] => {
    const id = /^(r\d{8}T\d{6}-[0-9a-f]{6})-t\d+\.json$/.exec(name);
    const file = join(inbox, name);
    if (id?.[1] === undefined || stays(id[1]) || changedAt(file) >= before) return [];
    return [callback(name.slice(0, -".json".length), [file])];
  });
}

/** Beside the inboxes, of sessions and of the project: what was claimed, what woke whom, drafts. */
export function oldClaims(root: string, before: number): Found {
  const parents = [join(stateDir(), "inbox"), projectDir(root)];
  const files = parents.flatMap((parent) => [
    ...[".claimed", ".woken", "done"].flatMap((kind) =>
      entriesOf(join(parent, kind)).flatMap((session) =>
        entriesOf(join(parent, kind, session)).map((name) => join(parent, kind, session, name)),
      ),
    ),
    ...entriesOf(join(parent, ".incoming")).map((name) => join(parent, ".incoming", name)),
  ]);
  return { items: leftovers(files, before), kept: [] };
}

function heldBy(file: string): string {
  return file.replace(/\.json$/, ".held");
}

function callback(name: string, files: readonly string[]): Item {
  const bytes = files.reduce((sum, file) => sum + sizeOf(file), 0);
  return { kind: "callback", name, bytes, remove: () => removeAll(files) };
}

function leftovers(files: readonly string[], before: number): Item[] {
  return files
    .filter((file) => changedAt(file) < before)
    .map((file) => ({ kind: "leftover", name: file, bytes: sizeOf(file), remove: () => removeAll([file]) }));
}

function removeAll(files: readonly string[]): void {
  for (const file of files) rmSync(file, { recursive: true, force: true });
}
