import { splitNul } from "./bytes.ts";
import { captureGit } from "./git.ts";
import type { Tree } from "./store.ts";

/** What the user's and the repository's configuration say about ignoring and converting files. */
export interface Settings {
  excludesFile: string | undefined;
  attributesFile: string | undefined;
  /** git converts line endings whatever the attributes say. */
  convertsLines: boolean;
  filters: FilterSetting[];
}

/** One line that defines a filter: `filter.<name>.clean`, `.process` and the like. */
export interface FilterSetting {
  key: string;
  value: string;
  /** Said by the repository's own configuration, which an executor may have written. */
  local: boolean;
}

const NAMES = "^(core\\.(excludesfile|attributesfile|autocrlf)|filter\\..*)$";

/** Reads values only; nothing that they name is run. */
export async function readSettings(tree: Tree): Promise<Settings> {
  const git = captureGit({ directory: tree.root, gitDir: tree.gitDir, workTree: tree.root });
  // `path`: git expands `~` and leaves other values as they are.
  const args = ["config", "-z", "--show-scope", "--type=path", "--get-regexp", NAMES];
  const output = splitNul((await git(args, { okCodes: [0, 1] })).stdout);
  const found: FilterSetting[] = [];
  for (let at = 0; at + 1 < output.length; at += 2) {
    const [key = "", ...value] = (output[at + 1] ?? "").split("\n");
    found.push({ key, value: value.join("\n"), local: /^(local|worktree)$/.test(output[at] ?? "") });
  }
  const last = (key: string) => found.findLast((setting) => setting.key === key)?.value;
  return {
    excludesFile: last("core.excludesfile"),
    attributesFile: last("core.attributesfile"),
    convertsLines: /^(true|input|yes|on|1|)$/i.test(last("core.autocrlf") ?? "false"),
    filters: found.filter((setting) => setting.key.startsWith("filter.")),
  };
}
