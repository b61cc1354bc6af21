import { readFileSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { quarantine, quarantinedFile, readQuarantine } from "../../../shared/tree/quarantine.ts";
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
