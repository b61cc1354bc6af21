import { isManifest } from "../scope/ecosystems.ts";
import { type Area, compileWide } from "../scope/pattern.ts";

/** Patterns of shared-critical files, by the name of their group. A name without a slash: at any depth. */
export type SharedGroups = Record<string, readonly string[]>;

const MANIFESTS = "package manifests";

/**
 * The groups of the requirements (opencode-orchestration: "shared critical lock group"). Of the package
 * manifests everything counts, too, that the rule `no-new-dependencies` protects.
 */
export const DEFAULT_GROUPS: SharedGroups = {
  [MANIFESTS]: ["package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "go.mod", "Cargo.toml"],
  "shared config": [
    ...["tsconfig*.json", "jsconfig*.json", ".eslintrc*", "eslint.config.*", ".prettierrc*", "biome.json*"],
    ...["prettier.config.*", "babel.config.*", ".babelrc*", ".editorconfig", "tailwind.config.*"],
    ...["postcss.config.*", "jest.config.*", "vitest.config.*", ".env*", "opencode.json*"],
  ],
  "global types/contracts": [
    ...["types/", "contracts/", "*.d.ts", "*.proto", "*.graphql", "*.graphqls", "schema.prisma"],
    ...["openapi*.json", "openapi*.y*ml", "swagger*.json", "swagger*.y*ml", "*.avsc", "*.thrift"],
  ],
  "build pipeline files": [
    ...[".github/", ".gitlab-ci.yml", ".circleci/", "Jenkinsfile*", "azure-pipelines*.yml", "Dockerfile*"],
    ...["docker-compose*", "compose.y*ml", "Makefile", "*.mk", "CMakeLists.txt", "webpack.config.*"],
    ...[
      "vite.config.*",
      "rollup.config.*",
      "esbuild.config.*",
      "tsup.config.*",
      "next.config.*",
      "turbo.json",
    ],
    ...["nx.json", "gulpfile.*", "Gruntfile.*", "BUILD", "BUILD.bazel", "build.mjs", "build.js"],
  ],
};

/** @param configured `sharedGroups` of the configuration: replaces the groups it names, adds others */
export function groupsWith(configured: SharedGroups): SharedGroups {
  return { ...DEFAULT_GROUPS, ...configured };
}

/** Finds the groups of paths. Compiled once, asked often. */
export class GroupFinder {
  readonly #groups: { name: string; covers: (path: string) => boolean }[];

  constructor(groups: SharedGroups, caseInsensitive: boolean) {
    this.#groups = Object.entries(groups).map(([name, texts]) => {
      const patterns = texts.flatMap((text) => compileWide(text, { caseInsensitive }));
      const manifests = name === MANIFESTS && texts.length > 0;
      return {
        name,
        covers: (path) => patterns.some((one) => one.covers(path)) || (manifests && isManifest(path)),
      };
    });
  }

  /** @param path of a file, relative to the root */
  of(path: string): string[] {
    return this.#groups.filter((group) => group.covers(path)).map((group) => group.name);
  }

  /** The groups that an area lies in for certain; of what else it touches, each write is asked for itself. */
  ofArea(area: Area): string[] {
    return this.of(area.kind === "glob" ? example(area.glob) : area.path);
  }
}

/** A path that a glob stands for. */
function example(glob: string): string {
  return glob.replaceAll("**", "any").replaceAll("*", "any").replaceAll("?", "x").replace(/\\(.)/g, "$1");
}
