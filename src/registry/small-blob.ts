import { type Descriptor, formatReference } from "../oci/index.ts";
import { RegistryError } from "./errors.ts";
import type { Repository } from "./repository.ts";

/**
 * All bytes of a blob that is small: a config, a statement.
 * @param limit Bytes; a blob that says that it has more is not opened.
 * @throws {RegistryError} `too-large`, or when it cannot be read.
 */
export async function readSmallBlob(
  repository: Pick<Repository, "name" | "open">,
  blob: Descriptor,
  limit: number,
): Promise<Buffer> {
  if (blob.size > limit) {
    throw new RegistryError("too-large", `a blob that is read as a whole has ${blob.size} bytes`, {
      where: formatReference(repository.name, blob.digest),
    });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await repository.open(blob)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
