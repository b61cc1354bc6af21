import { statSync } from "node:fs";
import { expect, test } from "vitest";
import { strangersIn } from "../../../shared/confine/probe.ts";
import { closing } from "../../lab/cleanup.ts";
import { makeRepo } from "../../lab/repo.ts";
import { makeSandbox } from "../../lab/sandbox.ts";

test("a repository of another user or group is said to be one, with what to do; root takes everybody's", () => {
  const { root } = makeRepo(`${closing(makeSandbox()).dir}/repo`);
  const { uid, gid } = statSync(root);
  const said = (mine: { uid: number; gid: number }, privileged = false) =>
    strangersIn(root, { ...mine, privileged });
  expect(said({ uid, gid })).toBeUndefined();
  expect(said({ uid: uid + 1, gid })?.reason).toContain("another user");
  expect(said({ uid, gid: gid + 1 })).toEqual({
    reason: `the repository belongs to a group (${gid}) that is not your first one now`,
    fix: `newgrp ${gid}, and start from there`,
  });
  expect(said({ uid: uid + 1, gid: gid + 1 }, true)).toBeUndefined();
});
