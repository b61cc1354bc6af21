import { readFileSync } from "node:fs";

/** Whether a conversation holds a text; undefined where that cannot be known. */
export type Holds = (text: string) => boolean | undefined;

/**
 * Looks into the file that a session's conversation is written to, as far as it is there: Claude Code writes
 * down what its hooks add (2.1.329: `hook_additional_context`). It is read when it is first asked about.
 * @param path undefined where it is not known
 */
export function conversationIn(path: string | undefined): Holds {
  let text: string | undefined;
  let read = false;
  return (wanted) => {
    if (!read) text = path === undefined ? undefined : readText(path);
    read = true;
    return text?.includes(wanted);
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // none yet, or larger than a string can be
  }
}
