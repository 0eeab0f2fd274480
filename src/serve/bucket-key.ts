import type { ObjectAccess } from "../objects/index.ts";
import type { ServeOptions } from "./options.ts";

/** The key that records are written to a bucket with; `undefined` where the environment names it. */
export function bucketKey({
  settings,
  credentialSources: { identities },
}: Pick<ServeOptions, "settings" | "credentialSources">): ObjectAccess["key"] {
  const { objectsIdentity } = settings.serve;
  if (objectsIdentity === undefined) return undefined;
  return async () => (await identities.aws(objectsIdentity)).value;
}
