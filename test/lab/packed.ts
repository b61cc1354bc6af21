import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./process.ts";

/** Packs the project as npm would publish it, and unpacks it as npm would install it. @returns the package's folder */
export function installPacked(dir: string): string {
  const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", dir], {
    cwd: projectRoot,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const name = /"filename":\s*"([^"]+)"/.exec(packed)?.[1] ?? "";
  const modules = join(dir, "node_modules");
  mkdirSync(modules, { recursive: true });
  execFileSync("tar", ["xzf", join(dir, name), "-C", modules]);
  execFileSync("mv", [join(modules, "package"), join(modules, "opencode-handrail")]);
  return join(modules, "opencode-handrail");
}
