import type { Command } from "commander";
import { HandrailError } from "../../shared/errors.ts";

/** How long the session verbs wait unless they are told, in minutes. */
export const PATIENCE = "60";

/** @returns milliseconds. @throws HandrailError `bad-usage` for what is no positive number of minutes */
export function minutes(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > 24 * 60) {
    throw new HandrailError("bad-usage", `--timeout takes minutes, not ${JSON.stringify(text)}`, {
      fix: "--timeout 30",
    });
  }
  return value * 60_000;
}

/** @returns the same. @throws HandrailError `bad-usage` for what is not `provider/model` */
export function checkedModel(model: string | undefined): string | undefined {
  if (model === undefined || /^[^/\s]+\/\S+$/.test(model)) return model;
  throw new HandrailError("bad-usage", `--model takes provider/model, not ${JSON.stringify(model)}`, {
    fix: "opencode models",
  });
}

/** `--events`, for verbs that take long. */
export function eventsOption(command: Command): Command {
  return command.option(
    "--events",
    "as --json, and what happens meanwhile on stderr, one JSON object a line",
  );
}
