import type { Command } from "commander";
import { loadConfig } from "../../../shared/config/config.ts";
import { EXIT, HandrailError } from "../../../shared/errors.ts";
import { expiryOf, hasHolder, isHeld, type Lease } from "../../../shared/lock/lease.ts";
import { leasesDir, readLeases } from "../../../shared/lock/store.ts";
import { confirmRelease } from "../../../shared/run/confirm.ts";
import { reap } from "../../../shared/run/reap.ts";
import { transferLease } from "../../../shared/run/transfer.ts";
import { rolesWith } from "../../../shared/task/roles.ts";
import { printable } from "../../../shared/text/printable.ts";
import { receiverOf } from "../handoff/receiver.ts";
import { openHere } from "../here.ts";
import { emit, paint } from "../output.ts";

interface ReleaseOptions {
  json?: boolean;
  force?: boolean;
}

interface TransferOptions {
  json?: boolean;
  to: string;
  path: string[];
  module: string[];
  group: string[];
}

/** `handrail lock`: who holds what, and how it is given back or handed over. */
export function configure(command: Command): void {
  command
    .command("list")
    .summary("show who holds which files, modules and shared groups")
    .description("show who holds which files, modules and shared groups")
    .addHelpText("after", "\nExample:\n  handrail lock list")
    .action((options: { json?: boolean }) => list(options));
  command
    .command("release")
    .summary("confirm the report of an ended packet and give its lease back")
    .description("confirm the report of an ended packet and give its lease back")
    .argument("<run>", "run id, as `handrail lock list` shows it")
    .option("--force", "although its report is not complete, or its run is still at work")
    .addHelpText("after", "\nExample:\n  handrail lock release r20261121T093012-1a2b3c")
    .action((run: string, options: ReleaseOptions) => release(run, options));
  command
    .command("transfer")
    .summary("hand a part of a lease over to another task")
    .description("hand a part of a lease over to another task; its run needs a checkpoint (MID or END)")
    .argument("<run>", "the run that gives")
    .requiredOption("--to <task>", "the task that receives: a packet or task file, or a run")
    .option("--path <path>", "a file, or a folder with a slash at the end; may be repeated", collect, [])
    .option("--module <name>", "a module; may be repeated", collect, [])
    .option("--group <name>", "a shared group; may be repeated", collect, [])
    .addHelpText(
      "after",
      "\nExample:\n  handrail lock transfer r20261121T093012-1a2b3c --to packets/verify.json --path src/a.ts",
    )
    .action((run: string, options: TransferOptions) => transfer(run, options));
}

function collect(value: string, list: string[]): string[] {
  return [...list, value];
}

async function list(options: { json?: boolean }): Promise<void> {
  const { root } = await openHere();
  await reap(root);
  const leases = readLeases(leasesDir(root)).map(shown);
  emit(options, leases, () =>
    leases.length === 0 ? "nothing is locked: no run is at work" : leases.map(text).join("\n"),
  );
}

function shown(lease: Lease) {
  const { claims, given, holder, awaiting, taken } = lease;
  return {
    run_id: lease.run_id,
    task_id: lease.task_id,
    owner: lease.owner,
    state: awaiting ? "awaiting_confirmation" : isHeld(lease) ? "active" : "expired",
    files: claims.scope.allow,
    modules: claims.modules ?? [],
    groups: claims.groups,
    given: given.map(({ to, paths, modules, groups }) => ({ to, paths, modules, groups })),
    holder: { pid: holder.pid, host: holder.host, alive: hasHolder(lease) },
    taken,
    renewed: new Date(lease.renewed).toISOString(),
    expires: new Date(expiryOf(lease)).toISOString(),
    ...(awaiting && { ended: awaiting.state }),
  };
}

function text(lease: ReturnType<typeof shown>): string {
  const state = {
    active: paint(32, "at work"),
    awaiting_confirmation: paint(33, `ended (${lease.ended}); its report waits to be confirmed`),
    expired: paint(2, "expired"),
  }[lease.state];
  const line = (name: string, items: readonly string[]) =>
    items.length === 0 ? [] : [`  ${name}: ${items.map((item) => printable(item, 100)).join(", ")}`];
  return [
    `${lease.run_id}  ${printable(lease.task_id, 60)} (${printable(lease.owner, 40)}): ${state}`,
    ...line("files", lease.files),
    ...line("modules", lease.modules),
    ...line("shared groups", lease.groups),
    ...lease.given.flatMap((one) =>
      line(`handed over to ${printable(one.to, 60)}`, [...one.paths, ...one.modules, ...one.groups]),
    ),
    ...(lease.state === "awaiting_confirmation"
      ? [`  give it back: handrail lock release ${lease.run_id}`]
      : []),
  ].join("\n");
}

async function release(run: string, options: ReleaseOptions): Promise<void> {
  const { root } = await openHere();
  await reap(root);
  const released = await confirmRelease(root, run, options.force ?? false);
  emit(options, released, () => {
    const held = [...released.files, ...released.modules, ...released.groups];
    return `${run} has given back ${held.map((one) => printable(one, 100)).join(", ")}`;
  });
}

async function transfer(run: string, options: TransferOptions): Promise<void> {
  const repo = await openHere();
  await reap(repo.root);
  const { path: paths, module: modules, group: groups } = options;
  if (paths.length + modules.length + groups.length === 0) {
    throw new HandrailError("bad-usage", "lock transfer needs what to hand over", {
      fix: `handrail lock transfer ${run} --to ${options.to} --path FILE`,
    });
  }
  const to = receiverOf(options.to, repo.root, process.cwd());
  const given = await transferLease({
    ...{ root: repo.root, run, to, paths, modules, groups },
    roles: rolesWith(loadConfig(repo.root).roles),
  });
  emit(
    options,
    { run_id: run, ...given },
    () =>
      `${run} has handed over ${[...paths, ...modules, ...groups].map((one) => printable(one, 100)).join(", ")} to ${printable(given.to, 60)}, at its ${given.checkpoint} checkpoint`,
    EXIT.done,
  );
}
