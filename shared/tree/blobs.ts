import { blobId } from "./objects.ts";
import type { Snapshot } from "./snapshot-record.ts";

/**
 * The bytes that a snapshot keeps under a git id.
 * @returns undefined where it keeps none, or where what the repository holds under that id is something else
 */
export async function readBlob({ store }: Snapshot, oid: string): Promise<Buffer | undefined> {
  if (!/^[0-9a-f]{40,64}$/.test(oid)) return undefined;
  const { code, stdout } = await store.git(["cat-file", "blob", oid], { okCodes: [0, 1, 128] });
  // The repository's objects are the executor's to change, and git does not check what it reads.
  return code === 0 && blobId(stdout, store.objectFormat) === oid ? stdout : undefined;
}
