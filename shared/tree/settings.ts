import { splitNul } from "./bytes.ts";
import { captureGit } from "./git.ts";
import type { Tree } from "./store.ts";

/** What the user's and the repository's configuration say about ignoring and converting files. */
export interface Settings {
  excludesFile: string | undefined;
  attributesFile: string | undefined;
  /** git converts line endings whatever the attributes say. */
  convertsLines: boolean;
  /** Some filter is configured. */
  hasFilters: boolean;
}

const NAMES = "^(core\\.(excludesfile|attributesfile|autocrlf)|filter\\..*\\.(clean|process))$";

/** Reads values only; nothing that they name is run. */
export async function readSettings(tree: Tree): Promise<Settings> {
  const git = captureGit({ directory: tree.root, gitDir: tree.gitDir, workTree: tree.root });
  // `path`: git expands `~` and leaves other values as they are.
  const args = ["config", "-z", "--type=path", "--get-regexp", NAMES];
  const values = new Map(
    splitNul((await git(args, { okCodes: [0, 1] })).stdout).map((item): [string, string] => {
      const [name = "", ...value] = item.split("\n");
      return [name, value.join("\n")];
    }),
  );
  return {
    excludesFile: values.get("core.excludesfile"),
    attributesFile: values.get("core.attributesfile"),
    convertsLines: /^(true|input|yes|on|1|)$/i.test(values.get("core.autocrlf") ?? "false"),
    hasFilters: [...values.keys()].some((name) => name.startsWith("filter.")),
  };
}
