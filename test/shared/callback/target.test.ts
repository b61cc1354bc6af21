import { expect, test } from "vitest";
import { resolveTarget, targetFromEnv } from "../../../shared/callback/target.ts";

const env = (url: string, token?: string): NodeJS.ProcessEnv => ({
  HANDRAIL_CALLBACK_URL: url,
  ...(token ? { HANDRAIL_CALLBACK_TOKEN: token } : {}),
});

test.each([
  [env("http://127.0.0.1:1/cb"), { target: "http:http://127.0.0.1:1/cb" }],
  [env("http://127.0.0.1:1/cb", "t"), { target: "http:http://127.0.0.1:1/cb", env: ["token"] }],
  [env(" https://h/hooks/agent ", "t"), { target: "openclaw:https://h/hooks/agent", env: ["token"] }],
  [env("https://h/base/hooks/agent/"), { target: "openclaw:https://h/base/hooks/agent/" }],
  [env("https://h/hooks/agents"), { target: "http:https://h/hooks/agents" }],
  [env("https://h/hooks/wake"), { target: "http:https://h/hooks/wake" }],
  [env("https://u:p@h/x"), { target: "http:https://h/x", env: ["url"] }],
  [env("https://h/x?key=1", "t"), { target: "http:https://h/x?key=***", env: ["url", "token"] }],
  [env("https://h/x#part"), { target: "http:https://h/x" }],
])("%o is stored as %o", (given, stored) => {
  expect(targetFromEnv(given)).toEqual(stored);
});

test("no address, no target", () => {
  expect(targetFromEnv({})).toBeUndefined();
  expect(targetFromEnv(env("  "))).toBeUndefined();
  expect(targetFromEnv({ HANDRAIL_CALLBACK_TOKEN: "t" })).toBeUndefined();
});

test.each([
  ["no URL", env("s3cret nonsense")],
  ["another protocol", env("ftp://h/s3cret")],
  ["a file", env("file:///s3cret")],
  ["OpenClaw with a token in the query", env("http://h/hooks/agent?token=s3cret")],
  ["a token that is no header", env("http://h/", "s3cret\nx: y")],
  ["a token with spaces", env("http://h/", "s3cret two")],
])("%s is a routing error that does not repeat it", (_what, given) => {
  expect(() => targetFromEnv(given)).toThrow(expect.objectContaining({ code: "routing" }));
  expect(() => targetFromEnv(given)).not.toThrow(/s3cret/);
});

const stored = (given: NodeJS.ProcessEnv) => {
  const target = targetFromEnv(given);
  if (!target) throw new Error("no target");
  return target;
};

test("the environment that made a target can call it", () => {
  const given = env("https://h/hooks/agent", "tok");
  expect(resolveTarget(stored(given), given)).toEqual({
    ok: true,
    address: { url: new URL("https://h/hooks/agent"), authorization: "Bearer tok" },
  });
});

test("what needs no secret can be called from anywhere, without anybody's token", () => {
  const target = stored(env("http://h/cb"));
  const address = { url: new URL("http://h/cb") };
  expect(resolveTarget(target, {})).toEqual({ ok: true, address });
  expect(resolveTarget(target, { HANDRAIL_CALLBACK_TOKEN: "other" })).toEqual({ ok: true, address });
  expect(resolveTarget(target, env("http://elsewhere/cb", "other"))).toEqual({ ok: true, address });
});

test("without its token a target waits, and says for what", () => {
  const target = stored(env("http://h/cb", "tok"));
  expect(resolveTarget(target, env("http://h/cb"))).toEqual({
    ok: false,
    reason: expect.stringContaining("HANDRAIL_CALLBACK_TOKEN"),
  });
  expect(resolveTarget(target, { HANDRAIL_CALLBACK_TOKEN: "tok" })).toMatchObject({
    ok: true,
    address: { authorization: "Bearer tok" },
  });
});

test("a token goes to no other origin than the one it was given with", () => {
  const target = stored(env("http://h:1/cb", "tok"));
  expect(resolveTarget(target, env("http://h:2/cb", "other"))).toMatchObject({ ok: false });
  expect(resolveTarget(target, env("http://h:1/new", "tok"))).toMatchObject({
    ok: true,
    address: { url: new URL("http://h:1/cb"), authorization: "Bearer tok" },
  });
});

test("an address with secrets in it is called only by who has it", () => {
  const given = env("https://u:p%40w@h/x?key=1");
  const target = stored(given);
  expect(resolveTarget(target, {})).toMatchObject({
    ok: false,
    reason: expect.stringContaining("HANDRAIL_CALLBACK_URL"),
  });
  expect(resolveTarget(target, env("https://h/y?key=1"))).toMatchObject({ ok: false });
  expect(resolveTarget(target, given)).toEqual({
    ok: true,
    address: {
      url: new URL("https://h/x?key=1"),
      authorization: `Basic ${Buffer.from("u:p@w").toString("base64")}`,
    },
  });
});
