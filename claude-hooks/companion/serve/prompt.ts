import { readFileSync } from "node:fs";
import { HandrailError } from "../../../shared/errors.ts";

/**
 * The prompt of a session verb: what follows `--`, or a file (`-`: stdin).
 * @throws HandrailError `bad-usage` without one or with two, `bad-input` for a file that cannot be read
 */
export function readPrompt(words: readonly string[], file: string | undefined): string {
  if (file !== undefined && words.length > 0) {
    throw new HandrailError("bad-usage", "the prompt is given twice: after -- and with --prompt-file", {
      fix: "give one of them",
    });
  }
  const prompt = file === undefined ? words.join(" ") : readText(file);
  if (prompt.trim() !== "") return prompt;
  throw new HandrailError("bad-usage", "there is no prompt", { fix: 'put it last: -- "PROMPT"' });
}

function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new HandrailError("bad-input", `${file}: the prompt cannot be read (${code})`, {
      fix: "--prompt-file FILE, or - for stdin",
      cause: error,
    });
  }
}
