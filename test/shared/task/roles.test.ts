import { expect, test } from "vitest";
import { compileWide } from "../../../shared/scope/pattern.ts";
import {
  acceptanceChanged,
  DEFAULT_ROLES,
  handoffProblem,
  ownerProblem,
  rolesWith,
} from "../../../shared/task/roles.ts";

const covers = (pattern: string, path: string) => compileWide(pattern, {}).some((one) => one.covers(path));
const hand = (from: string, to: string, paths: string[] = ["src/a.ts"]) =>
  handoffProblem(from, to, paths, DEFAULT_ROLES, covers);

test("every agent of the matrix may own a task; scrum to a limited extent; nobody else", () => {
  for (const agent of ["fullstack", "assistant", "creator"]) {
    expect(ownerProblem(agent, DEFAULT_ROLES)).toBeUndefined();
  }
  expect(ownerProblem("scrum", DEFAULT_ROLES)?.kind).toBe("warning");
  expect(ownerProblem("constructor", DEFAULT_ROLES)).toMatchObject({
    kind: "error",
    message: expect.stringContaining("is not in the agent matrix (scrum, fullstack, assistant, creator)"),
  });
});

test("work goes from scrum to fullstack, from there to assistant and creator, and back to scrum", () => {
  expect(hand("scrum", "fullstack")).toBeUndefined();
  expect(hand("fullstack", "assistant")).toBeUndefined();
  expect(hand("assistant", "scrum")).toBeUndefined();
  expect(hand("creator", "scrum")).toBeUndefined();
  expect(hand("scrum", "creator")).toBe("scrum hands work over only to fullstack, not to creator");
  expect(hand("assistant", "fullstack")).toContain("only to scrum");
  // A person with a task file is nobody of the matrix.
  expect(hand("task file", "fullstack")).toBeUndefined();
});

test("creator is handed UI, content and assets only", () => {
  expect(hand("fullstack", "creator", ["src/components/Button.tsx", "assets/logo.svg"])).toBeUndefined();
  expect(hand("fullstack", "creator", ["src/components/x.tsx", "src/billing/tax.ts"])).toContain(
    '"src/billing/tax.ts" is not creator\'s',
  );
});

test("a team may name agents of its own", () => {
  const roles = rolesWith({ reviewer: { owns: "no", about: "", handsTo: [] } });
  expect(ownerProblem("reviewer", roles)?.message).toBe("reviewer may not own a coding task");
  expect(ownerProblem("fullstack", roles)).toBeUndefined();
});

test("acceptance criteria that change between versions of a packet are named", () => {
  expect(acceptanceChanged({ acceptance: ["A", "B"] }, { acceptance: ["B", "A"] })).toBeUndefined();
  expect(acceptanceChanged({}, {})).toBeUndefined();
  expect(acceptanceChanged({ acceptance: ["A"] }, { acceptance: ["B"] })).toBe(
    'the acceptance criteria have changed (gone: "A"; new: "B")',
  );
});
