/** Names that differ in bytes and mean one file: Unicode forms, case, and the disguises of `.git`. */

const nonAscii = /[^\0-\x7f]/;
/** Code points that HFS+ drops when it compares names (git, utf8.c: is_hfs_dotgit). */
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** The form in which names are compared: NFC, and without case where the file system has none. */
export function fold(name: string, caseInsensitive: boolean): string {
  const composed = nonAscii.test(name) ? name.normalize("NFC") : name;
  return caseInsensitive ? composed.toLowerCase() : composed;
}

/** Whether the text has characters outside ASCII, so that it may have several Unicode forms. */
export function hasSeveralForms(name: string): boolean {
  return nonAscii.test(name) && name.normalize("NFC") !== name.normalize("NFD");
}

/**
 * Whether a segment of the path is `.git` on some file system git cares for: any case, trailing dots
 * and spaces, NTFS streams and short names, code points that HFS+ ignores, `\` as a separator
 * (git, path.c: is_ntfs_dotgit; CVE-2014-9390).
 */
export function holdsGitDir(path: string): boolean {
  const plain = nonAscii.test(path) ? path.replace(ignoredByHfs, "") : path;
  if (!/git/i.test(plain)) return false;
  return plain.split(/[/\\]/).some((segment) => /^(\.git|git~\d+)[. ]*(:.*)?$/i.test(segment));
}
