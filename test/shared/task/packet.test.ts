import { describe, expect, test } from "vitest";
import { enforced, parse } from "./task.ts";

const packet = {
  packet_version: "v1",
  task_id: "PAY-231",
  workstream: "feature",
  owner_agent: "fullstack",
  session_key: "coding:PAY-231",
  objective: "Verify webhooks. Do not log the body.",
  scope: {
    file_paths: ["src/verify.ts", "./src/api/"],
    module_boundaries: ["payments"],
    out_of_scope: ["src/payments/", "ledger core", "new dependencies"],
  },
  conflict_policy: {
    mode: "sequential_default",
    parallel_allowed: false,
    required_locks: ["file:src/verify.ts"],
  },
  acceptance: ["AC1 answers 401", "AC2: no new files"],
  validation: { commands: ["npm test -- a"], must_include: ["test evidence"] },
  checkpoint_plan: { interval: "per milestone", required_events: ["start"] },
  retry_abort: { max_retries: 1, abort_on: ["scope_drift"] },
};
const read = (value: unknown, name = "20261121-pay.json") => parse(JSON.stringify(value, null, 2), [], name);
type Fields = Record<string, unknown>;

test("a packet becomes a task", () => {
  const spec = read(packet);
  expect(spec).toMatchObject({
    ok: true,
    source: "packet",
    slug: "pay",
    title: "Verify webhooks. Do not log the body.",
    validation: ["npm test -- a"],
    packet: { task_id: "PAY-231", scope: { module_boundaries: ["payments"] } },
  });
  expect(spec.scope.allow).toEqual(["src/verify.ts", "src/api/"]);
  expect(spec.scope.rules).toEqual(
    expect.arrayContaining(["no-stage", "no-commit", "no-new-files", "no-new-dependencies"]),
  );
  expect(enforced(spec)).toEqual([
    "path src/payments/",
    "advisory",
    "rule no-new-dependencies",
    "rule no-new-files",
    "advisory",
  ]);
});

test("it is known by its content, whatever its file name", () => {
  expect(read(packet, "20261121-pay.txt").source).toBe("packet");
  expect(parse(`\ufeff  ${JSON.stringify(packet)}`, [], "x.md").source).toBe("packet");
  expect(parse("{curly} Fix src/a.ts.").source).toBe("task-file");
});

test("what is optional may be left out", () => {
  const { packet_version, task_id, workstream, owner_agent, session_key, objective } = packet;
  const small = {
    packet_version,
    task_id,
    workstream,
    owner_agent,
    session_key,
    objective,
    scope: { file_paths: ["src/a.ts"] },
  };
  expect(read(small)).toMatchObject({ ok: true, warnings: [] });
});

test("unknown keys are kept and warned about", () => {
  const spec = read({ ...packet, extra: { deep: 1 }, scope: { ...packet.scope, filepaths: ["x"] } });
  expect(spec.ok).toBe(true);
  expect(spec.packet).toMatchObject({ extra: { deep: 1 }, scope: { filepaths: ["x"] } });
  expect(spec.warnings.map((one) => one.message.split(" ")[0])).toEqual(["extra", "scope.filepaths"]);
});

describe("errors name the field", () => {
  test.each<[string, (value: Fields) => unknown, string]>([
    ["no version", ({ packet_version: _, ...rest }) => rest, "packet_version: is missing"],
    ["another version", (value) => ({ ...value, packet_version: "v2" }), 'packet_version: "v2" is not known'],
    ["a number as version", (value) => ({ ...value, packet_version: 1 }), 'packet_version: "1"'],
    ["no task id", ({ task_id: _, ...rest }) => rest, "task_id: is missing"],
    ["an empty owner", (value) => ({ ...value, owner_agent: " " }), "owner_agent: "],
    ["null", (value) => ({ ...value, objective: null }), "objective: is null"],
    [
      "another workstream",
      (value) => ({ ...value, workstream: "chore" }),
      'workstream: "chore" must be feature',
    ],
    ["no scope", ({ scope: _, ...rest }) => rest, "scope: is missing"],
    [
      "no files",
      (value) => ({ ...value, scope: { file_paths: [] } }),
      "scope.file_paths: must name at least one file",
    ],
    ["one file as text", (value) => ({ ...value, scope: { file_paths: "src/a.ts" } }), "scope.file_paths: "],
    [
      "a number among files",
      (value) => ({ ...value, scope: { file_paths: ["a", 1] } }),
      "scope.file_paths[1]: ",
    ],
    [
      "everything",
      (value) => ({ ...value, scope: { file_paths: ["**"] } }),
      'scope.file_paths[0]: "**" is the whole',
    ],
    [
      "outside",
      (value) => ({ ...value, scope: { file_paths: ["a", "../b"] } }),
      'scope.file_paths[1]: "../b" leads out',
    ],
    [
      "text for a flag",
      (value) => ({ ...value, conflict_policy: { parallel_allowed: "no" } }),
      "conflict_policy.parallel_allowed: ",
    ],
    [
      "negative retries",
      (value) => ({ ...value, retry_abort: { max_retries: -1 } }),
      "retry_abort.max_retries: ",
    ],
    [
      "commands as text",
      (value) => ({ ...value, validation: { commands: "npm test" } }),
      "validation.commands: ",
    ],
  ])("%s", (_name, change, message) => {
    const spec = read(change(packet));
    expect(spec.ok).toBe(false);
    expect(spec.errors.map((one) => one.message).join("\n")).toContain(message);
  });

  test("with the line where it stands", () => {
    const text = JSON.stringify({ ...packet, workstream: "chore" }, null, 2);
    const line = text.split("\n").findIndex((one) => one.includes("workstream")) + 1;
    expect(parse(text, [], "x.json").errors[0]?.line).toBe(line);
  });
});

test("what is no packet", () => {
  const messageOf = (text: string) => parse(text, [], "x.json").errors[0]?.message;
  expect(messageOf("{")).toContain("not valid JSON");
  expect(messageOf("[]")).toContain("packet");
  expect(messageOf("")).toBe("the task is empty");
  expect(messageOf(`{"packet_version": "v1", ${"[".repeat(100_000)}`)).toContain("nested");
  const twice = JSON.stringify(packet).replace('"scope":', '"scope":{"file_paths":["src/evil/"]},"scope":');
  expect(messageOf(twice)).toContain('"scope" stands twice');
});

describe("fields that must fit each other", () => {
  const packetWith = (more: Fields) => read({ ...packet, ...more });
  const locks = (...required_locks: string[]) => packetWith({ conflict_policy: { required_locks } });

  test.each([
    ["src/verify.ts", "is no lock; write file:<path>, module:<name> or shared:<group>"],
    ["file:src/other.ts", "is not in scope.file_paths, so it cannot be locked"],
    ["module:billing", "is not in scope.module_boundaries, so it cannot be locked"],
  ])("a lock %s outside the packet is an error with its line", (lock, message) => {
    const [error] = locks(lock).errors;
    expect(error?.message).toContain(message);
    expect(error?.line).toBeGreaterThan(1);
  });

  test("locks inside it are none", () => {
    const spec = locks(
      "file:src/verify.ts",
      "file:src/api/x.ts",
      "module:payments",
      "shared:package manifests",
    );
    expect([spec.ok, spec.errors]).toEqual([true, []]);
  });

  test("workstream test opens test files only", () => {
    const testing = (file_paths: string[]) =>
      packetWith({ workstream: "test", scope: { ...packet.scope, file_paths }, conflict_policy: {} });
    expect(testing(["src/a.test.ts", "tests/"]).errors).toEqual([]);
    expect(testing(["src/a.ts"]).errors[0]?.message).toContain(
      'scope.file_paths[0]: "src/a.ts" is no test file, and the workstream is "test"',
    );
  });

  test.each<[string, Fields, string]>([
    ["a mode", { conflict_policy: { mode: "free" } }, 'conflict_policy.mode: "free" is not known'],
    ["an event", { checkpoint_plan: { required_events: ["weekly"] } }, "required_events[0]"],
    ["a reason", { retry_abort: { abort_on: ["rain"] } }, "retry_abort.abort_on[0]"],
    ["evidence", { validation: { must_include: ["screenshots"] } }, "validation.must_include[0]"],
    ["a session key", { session_key: "x" }, "does not name the task"],
    [
      "leave without modules",
      { scope: { file_paths: ["src/verify.ts"] }, conflict_policy: { parallel_allowed: true } },
      "nothing is proven",
    ],
  ])("%s that means nothing to Handrail is a warning", (_name, more, message) => {
    const spec = packetWith(more);
    expect(spec.errors).toEqual([]);
    expect(spec.warnings.map((one) => one.message).join("\n")).toContain(message);
  });
});
