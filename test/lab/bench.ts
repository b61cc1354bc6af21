/**
 * What Handrail costs, each beside something it is compared with in the same run. Only the ratios mean
 * something on another machine.
 *
 *   npm run bench [-- --quick] [--json] [--only NAME,...]
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandRows } from "./bench/commands.ts";
import { guardRows } from "./bench/guard.ts";
import { hookRows } from "./bench/hooks.ts";
import { type Bench, isMet, type Row, ratioOf } from "./bench/measure.ts";
import { memoryRows } from "./bench/memory.ts";
import { opencodeRows } from "./bench/opencode.ts";
import { treeRows } from "./bench/tree.ts";

const SECTIONS: Record<string, (bench: Bench) => Row[] | Promise<Row[]>> = {
  guard: guardRows,
  hooks: hookRows,
  commands: commandRows,
  tree: treeRows,
  memory: memoryRows,
  opencode: opencodeRows,
};

const options = process.argv.slice(2);
const json = options.includes("--json");
const quick = options.includes("--quick");
const at = options.indexOf("--only");
const only = at < 0 ? Object.keys(SECTIONS) : (options[at + 1] ?? "").split(",");
const unknown = [
  ...only.filter((name) => !Object.hasOwn(SECTIONS, name)),
  ...options.filter((one, index) => !["--json", "--quick", "--only"].includes(one) && index !== at + 1),
];
if (unknown.length > 0) {
  process.stderr.write(
    `bench: unknown: ${unknown.join(", ")}; it takes --quick, --json, and --only with ${Object.keys(SECTIONS).join(",")}\n`,
  );
  process.exit(2);
}

const dir = mkdtempSync(join(tmpdir(), "handrail-bench-"));
mkdirSync(join(dir, "home"));
process.env.HANDRAIL_STATE_DIR = join(dir, "state");
process.env.HOME = join(dir, "home");
process.env.GIT_CONFIG_NOSYSTEM = "1";
process.env.GIT_CONFIG_GLOBAL = "/dev/null";
for (const name of ["HANDRAIL_TASK", "HANDRAIL_RUN_ID", "HANDRAIL_INBOX"]) delete process.env[name];

let signal: NodeJS.Signals | undefined;
process.once("SIGINT", (name) => {
  signal = name;
});

try {
  const rows: Row[] = [];
  for (const name of only) {
    if (signal) break;
    const bench = { dir: join(dir, name), quick, say };
    mkdirSync(bench.dir);
    const found = await SECTIONS[name]?.(bench);
    rows.push(...(found ?? []));
    rmSync(bench.dir, { recursive: true, force: true });
  }
  const measured = rows.map((row) => ({ ...row, ratio: ratioOf(row), met: isMet(row) }));
  process.stdout.write(json ? `${JSON.stringify(measured, null, 2)}\n` : table(rows));
} finally {
  rmSync(dir, { recursive: true, force: true });
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const ratio = ratioOf(row);
    return [
      row.what,
      `${figure(row.own.median, row)} (least ${figure(row.own.min, row)})`,
      row.base.median < 0.001 ? "" : `${figure(row.base.median, row)} ${row.beside}`,
      row.base.median < 0.001 ? "" : `${ratio.median.toFixed(2)}x (least ${ratio.min.toFixed(2)}x)`,
      goal(row),
    ];
  });
  const all = [["what", "median", "beside", "ratio", "the design's limit"], ...lines];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0))) ?? [];
  return `${all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")}\n`;
}

function figure(value: number, { unit = "ms" }: Row): string {
  if (unit === "ms" && value < 1) return `${(value * 1000).toFixed(0)} us`;
  return `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
}

function goal(row: Row): string {
  const { target } = row;
  if (!target) return "";
  const limit =
    target.ratio !== undefined
      ? `${target.ratio}x`
      : target.addedMs !== undefined
        ? `+${target.addedMs} ms`
        : figure(target.ms ?? 0, row);
  return `${limit}: ${isMet(row) ? "kept" : "MISSED"}`;
}
