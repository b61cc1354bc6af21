/** Which files are dependency manifests or tests, by the conventions of the ecosystems. */

const manifestNames = new Set(
  `package.json package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml pnpm-workspace.yaml bun.lock
  bun.lockb bower.json deno.json deno.jsonc deno.lock jsr.json import_map.json lerna.json rush.json .yarnrc.yml
  cargo.toml cargo.lock go.mod go.sum go.work go.work.sum
  pipfile pipfile.lock pyproject.toml poetry.lock uv.lock pdm.lock pixi.toml pixi.lock setup.py setup.cfg
  environment.yml environment.yaml conda-lock.yml pylock.toml
  gemfile gemfile.lock gems.rb gems.locked composer.json composer.lock
  pom.xml build.gradle build.gradle.kts settings.gradle settings.gradle.kts gradle.lockfile
  buildscript-gradle.lockfile libs.versions.toml build.sbt build.sc build.mill project.clj deps.edn
  packages.config packages.lock.json directory.packages.props paket.dependencies paket.lock paket.references
  mix.exs mix.lock rebar.config rebar.lock gleam.toml pubspec.yaml pubspec.lock
  package.swift package.resolved podfile podfile.lock cartfile cartfile.resolved
  conanfile.txt conanfile.py conan.lock vcpkg.json vcpkg-configuration.json module.bazel module.bazel.lock
  workspace workspace.bazel stack.yaml stack.yaml.lock cabal.project cabal.project.freeze package.yaml
  shard.yml shard.lock elm.json flake.lock renv.lock manifest.toml project.toml dub.json dub.sdl
  dune-project cpanfile cpanfile.snapshot build.zig.zon rockspec chart.lock`.split(/\s+/),
);
const manifestShapes =
  /(^|[-_.])(requirements|constraints)([-_.][^/]*)?\.(txt|in)$|\.(csproj|fsproj|vbproj|gemspec|cabal|opam|nimble|rockspec)$/;

/** Whether a path is a manifest or lock file whose change can add a dependency. */
export function isManifest(path: string): boolean {
  const lower = path.toLowerCase();
  const name = lower.slice(lower.lastIndexOf("/") + 1);
  return (
    manifestNames.has(name) || manifestShapes.test(name) || /(^|\/)requirements\/[^/]+\.(txt|in)$/.test(lower)
  );
}

const testFolders =
  /(^|\/)(tests?|__tests__|__mocks__|__snapshots__|specs?|testdata|unittests?|e2e|cypress)\//i;
/** `androidTest/`, `AppTests/`, `Shop.Tests/`, `api-test/`; not `latest/`. */
const testFolderEndings = /(^|\/)([^/]*[a-z0-9]Tests?|[^/]*[._-][Tt]ests?)\//;
const testNames = [
  /[._-](tests?|specs?|e2e|cy|unittest)\.[^/]+$/i,
  /^(tests?|spec)\.[a-z0-9]+$/i,
  /^tests?[_-][^/]*\.[a-z0-9]+$/i,
  /^conftest\.py$|\.snap$|\.(feature|bats|t)$/i,
  /[a-z0-9](Tests?|TestCase|Specs?|IT)\.(java|kt|kts|groovy|scala|cs|fs|vb|php|swift|cpp|cc|mm?|hs|dart|[jt]sx?)$/,
  /^Test[A-Z][^/]*\.(java|kt|php|cs|py|cpp)$/,
];

/** Whether a path is a test file: by its name, or by a folder that holds tests. */
export function isTest(path: string): boolean {
  if (testFolders.test(path) || testFolderEndings.test(path)) return true;
  const name = path.slice(path.lastIndexOf("/") + 1);
  return testNames.some((shape) => shape.test(name));
}
