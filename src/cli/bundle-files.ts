import { join, relative, sep } from "node:path";
import type { CarriedFile } from "../air-gap/index.ts";
import { diskFaultOf, ifPresent, readRegular } from "../disk/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import type { TrustSettings } from "../settings/index.ts";
import type { Session } from "./session.ts";

/** Bytes of one file that goes with a bundle. */
const maxBytes = 64 * 1024 * 1024;

/** A tree of manifests, as far as a bundle is made of it. */
interface CarriedTree {
  readonly path: string;
  readonly manifests: readonly PromoterManifest[];
}

/**
 * What goes with images so that they can be verified and promoted on the other side: the trusted root, the public keys and the policy of the
 * settings with a `waybill.yaml` that names them; of a tree its manifests and its policy, below `tree/`.
 */
export async function carriedFiles(
  session: Session,
  tree: CarriedTree | undefined,
): Promise<readonly CarriedFile[]> {
  const { trust } = await session.settings();
  const files = new Map<string, CarriedFile>();
  const take = async (path: string, from: string): Promise<void> => {
    files.set(path, { path, bytes: await read(from) });
  };
  if (trust.trustedRoot !== undefined) await take("trusted_root.json", trust.trustedRoot);
  if (trust.policy !== undefined) await take("policy.yaml", trust.policy);
  for (const [name, file] of Object.entries(trust.keys ?? {})) await take(`keys/${name}.pem`, file);
  if (files.size > 0) files.set("waybill.yaml", { path: "waybill.yaml", bytes: settingsFor(trust) });
  if (tree !== undefined) {
    for (const file of new Set(tree.manifests.flatMap((each) => [each.file, each.imagesFile]))) {
      const below = relative(tree.path, file).split(sep).join("/");
      const name = below === "" ? file.split(sep).at(-1) : below;
      await take(`tree/${name}`, file);
    }
    const policy = await ifPresent(readRegular(join(tree.path, "policy.yaml"), maxBytes));
    if (policy !== undefined) files.set("tree/policy.yaml", { path: "tree/policy.yaml", bytes: policy });
  }
  return [...files.values()];
}

/** Settings by which the other side verifies with the files beside them. JSON is YAML. */
function settingsFor({ trustedRoot, policy, keys = {} }: TrustSettings): Uint8Array {
  const trust = {
    ...(trustedRoot === undefined ? {} : { trustedRoot: "trusted_root.json" }),
    ...(policy === undefined ? {} : { policy: "policy.yaml" }),
    ...(Object.keys(keys).length === 0
      ? {}
      : { keys: Object.fromEntries(Object.keys(keys).map((name) => [name, `keys/${name}.pem`])) }),
  };
  return Buffer.from(`${JSON.stringify({ trust }, undefined, 2)}\n`);
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readRegular(file, maxBytes);
  } catch (cause) {
    const { message, hint } = diskFaultOf(cause);
    throw new WaybillError("unreadable-file", message, { where: file, hint, cause });
  }
}
