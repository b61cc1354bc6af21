import { expect, test } from "vitest";
import { publicUrl, redactor, redactPayload } from "../../../shared/callback/redact.ts";
import { samplePayload } from "./sample.ts";

const ENV = {
  HANDRAIL_CALLBACK_TOKEN: "hunter2hunter2",
  OPENCODE_SERVER_PASSWORD: "open sesame/1",
  HANDRAIL_CALLBACK_URL: "https://ann:p%40ssw0rd@example.com/T0/x?key=qwertyuiop",
};
const redact = redactor(ENV);

test.each([
  ["the token", "got hunter2hunter2 back", "hunter2hunter2"],
  ["the token in base64", Buffer.from("hunter2hunter2").toString("base64"), "aHVudGVyMmh1bnRlcjI"],
  ["the server's password", "open sesame/1", "sesame"],
  ["the server's password in a URL", "http://h/?x=open%20sesame%2F1", "sesame"],
  ["the address's password", "p@ssw0rd", "ssw0rd"],
  ["the address's key", "qwertyuiop", "qwerty"],
  ["a bearer token", "Authorization: Bearer abc.def-ghi", "abc.def"],
  ["a bearer token alone", "with bearer Zm9vYmFy== there", "Zm9v"],
  ["basic auth", "Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"],
  ["basic auth alone", "curl said Basic dXNlcjpwYXNzMQ==", "dXNlcjpwYXNzMQ"],
  ["basic auth in a URL", "fetch https://bob:pw12@host/x failed", "pw12"],
  ["a user in a URL", "ssh://deploykey9@host/x", "deploykey9"],
  ["a key in a URL", "GET https://h/p?a=1&api_key=k-123456&b=2", "k-123456"],
  ["a token in a URL", "https://h/p?access_token=zzz999#x", "zzz999"],
  ["a signature in a URL", "https://h/p?X-Amz-Signature=deadbeef12", "deadbeef12"],
  ["a header in JSON", '{"authorization":"Token t0psecret","a":1}', "t0psecret"],
  ["a header of a vendor", "x-openclaw-token: t0psecret", "t0psecret"],
  ["a cookie", "Set-Cookie: sid=abc123; Path=/", "abc123"],
  ["a setting", "export GITHUB_TOKEN=abcdef123", "abcdef123"],
  ["a password in JSON", '"password": "letmein99"', "letmein99"],
  ["an OpenAI key", "sk-proj-abcdefghijklmnop1234", "abcdefghijklmnop"],
  ["a GitHub token", "ghp_0123456789abcdefghijABCDEFGHIJ456789", "0123456789"],
  ["an AWS key", "AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"],
  ["a JSON web token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"],
  ["a private key", "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"],
  ["a torn private key", "-----BEGIN PRIVATE KEY-----\nMIIEow", "MIIEow"],
])("%s is taken out", (_what, text, secret) => {
  expect(text).toContain(secret);
  expect(redact(text)).not.toContain(secret);
  expect(redact(text)).toContain("***");
});

test.each([
  "HTTP 503: Service Unavailable",
  "connect ECONNREFUSED 127.0.0.1:41234",
  "src/auth/token.ts and src/keys/secret-store.ts differ",
  "the basic validation of the task failed",
  "Basic Authentication is not what this is about",
  "https://example.com/docs/page?page=2&sort=asc#top",
  "git@github.com:org/repo.git",
  "handrail show r20261121T093012-1a2b3c",
  "hook:opencode:build:add-retry",
  "3 passed, 1 failed: expected 1 to be 2",
  "task-forces and risk-assessment-of-the-largest-kind",
])("%j stays as it is", (text) => {
  expect(redact(text)).toBe(text);
});

test("a short value is a word, and is not taken out everywhere", () => {
  expect(redactor({ HANDRAIL_CALLBACK_TOKEN: "a" })("a cat sat")).toBe("a cat sat");
});

test.each([
  ["https://h.example:8443/hooks/agent", "https://h.example:8443/hooks/agent"],
  ["http://u:p@h/x", "http://h/x"],
  ["http://h/x?a=1&token=2#frag", "http://h/x?a=***&token=***"],
  [
    "https://hooks.example/services/T00000000/B00000000/XXXXabcd1234XXXXabcd1234",
    "https://hooks.example/services/T00000000/B00000000/***",
  ],
])("%s is shown as %s", (url, shown) => {
  expect(publicUrl(new URL(url))).toBe(shown);
});

test("a payload loses its secrets and keeps its ids and its routing", () => {
  const payload = samplePayload("c1", {
    error: { code: "run-failed", message: "401 with Bearer hunter2hunter2" },
    validation: [{ command: "curl -H 'Authorization: Bearer abcdefgh'", tail: "password=hunter2hunter2" }],
    changes: [{ path: "hunter2hunter2/x.ts", status: "added", inScope: true, by: "executor" }],
    session: "ses_hunter2hunter2",
  });
  const clean = redactPayload(payload, redact);
  expect(JSON.stringify({ ...clean, session: "" })).not.toMatch(/hunter2|abcdefgh/);
  expect(clean.session).toBe("ses_hunter2hunter2");
  expect(redactPayload(samplePayload("c1"), redact)).toEqual(samplePayload("c1"));
});
