import { lstatSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KEEP, quarantine, quarantinedFile, readQuarantine } from "../../../shared/tree/quarantine.ts";
import { place } from "./fixture.ts";

test("keeps the bytes outside the repository and takes nothing away", () => {
  const here = place();
  const repo = here.repo({ "a.txt": "a\n", "run.sh": "#!/bin/sh\n" });
  repo.write("run.sh", "#!/bin/sh\n", 0o755);
  symlinkSync("/etc/passwd", join(repo.root, "link"));
  const dir = join(here.state, "quarantine");
  const paths = ["a.txt", "run.sh", "link", "gone.txt"];
  const entries = quarantine(
    dir,
    repo.root,
    paths.map((path) => ({ path, code: "out-of-scope" })),
  );
  expect(entries.map(({ path, mode, bytes }) => [path, mode, bytes])).toEqual([
    ["a.txt", "100644", 2],
    ["run.sh", "100755", 10],
    ["link", "120000", 11],
    ["gone.txt", undefined, undefined],
  ]);
  const contents = entries
    .map((entry) => quarantinedFile(dir, entry))
    .map((file) => file && readFileSync(file, "utf8"));
  expect(contents).toEqual(["a\n", "#!/bin/sh\n", "/etc/passwd", undefined]);
  expect(repo.read("a.txt")).toBe("a\n");
  quarantine(dir, repo.root, [{ path: "a.txt", code: "forbidden" }]);
  expect(readQuarantine(dir)).toHaveLength(5);
  quarantine(dir, repo.root, [{ path: "a.txt", code: "forbidden" }]);
  expect(readQuarantine(dir)).toHaveLength(5);
});

test("above the caps only name and size are kept", () => {
  const here = place();
  const repo = here.repo();
  repo.write("huge.bin", "");
  truncateSync(join(repo.root, "huge.bin"), 101 * 1024 * 1024);
  const dir = join(here.state, "quarantine");
  const [huge] = quarantine(dir, repo.root, [{ path: "huge.bin", code: "out-of-scope" }]);
  expect(huge).toMatchObject({ bytes: 101 * 1024 * 1024 });
  expect(huge?.kept).toBeUndefined();
});

test("a layer's own files are linked, up to what one command and one run may keep", () => {
  const here = place();
  const layer = join(here.state, "layer");
  mkdirSync(layer, { recursive: true });
  const megabytes = KEEP.command / 1024 ** 2;
  for (const [name, size] of [
    ["half", megabytes / 2 + 1],
    ["other-half", megabytes / 2 + 2],
    ["small", 1],
  ] as const) {
    writeFileSync(join(layer, name), "");
    truncateSync(join(layer, name), size * 1024 ** 2);
  }
  const dir = join(here.state, "quarantine");
  const keep = (...names: string[]) =>
    quarantine(
      dir,
      layer,
      names.map((path) => ({ path, code: "out-of-scope" })),
      true,
    ).map(({ bytes, kept }) => [(bytes ?? 0) / 1024 ** 2, kept !== undefined]);
  expect(keep("half", "other-half", "small")).toEqual([
    [megabytes / 2 + 1, true],
    [megabytes / 2 + 2, false],
    [1, true],
  ]);
  expect(keep("other-half")).toEqual([[megabytes / 2 + 2, true]]);
  const [entry] = readQuarantine(dir);
  const file = (entry && quarantinedFile(dir, entry)) ?? "";
  expect(lstatSync(file).ino).toBe(lstatSync(join(layer, "half")).ino);
  expect(lstatSync(file).mode & 0o777).toBe(0o600);
});
