import { join } from "node:path";

// File names are bytes. A name that is not UTF-8 becomes a string in which each of its non-ASCII bytes is a
// lone surrogate U+DC80..U+DCFF (as PEP 383 does), so that it survives JSON and can be turned back.

/** A file name as text; `bytesOf` turns it back into the same bytes. */
export function textOf(name: Uint8Array): string {
  // Bun gives a plain Uint8Array where Node gives a Buffer.
  const bytes = Buffer.from(name.buffer, name.byteOffset, name.byteLength);
  const text = bytes.toString("utf8");
  if (!text.includes("\uFFFD") || Buffer.from(text, "utf8").equals(bytes)) return text;
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join("");
}

export function bytesOf(text: string): Buffer {
  if (!LONE.test(text)) return Buffer.from(text, "utf8");
  return Buffer.from(
    Array.from(text, (char) => {
      const code = char.charCodeAt(0);
      return code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code;
    }),
  );
}
const LONE = /[\udc80-\udcff]/u;

/** What `node:fs` takes for a path below `root`. Bun's `join` would replace lone surrogates. */
export function below(root: string, path: string): string | Buffer {
  return LONE.test(path) ? Buffer.concat([Buffer.from(`${root}/`), bytesOf(path)]) : join(root, path);
}

/** Splits what git prints with `-z`. */
export function splitNul(output: Buffer): string[] {
  const text = output.toString("utf8");
  if (!text.includes("\uFFFD")) return text.split("\0").slice(0, -1);
  const items: string[] = [];
  for (let start = 0, end = output.indexOf(0); end >= 0; start = end + 1, end = output.indexOf(0, start)) {
    items.push(textOf(output.subarray(start, end)));
  }
  return items;
}

/** What git reads with `-z --stdin`. */
export function joinNul(paths: readonly string[]): Buffer {
  return Buffer.concat(paths.flatMap((path) => [bytesOf(path), NUL]));
}
const NUL = Buffer.from([0]);
