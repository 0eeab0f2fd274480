import { dirname, join, relative, sep } from "node:path";
import type { CarriedFile } from "../air-gap/index.ts";
import { diskFaultOf, readRegular } from "../disk/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { ManifestTree, PoliciesBeside } from "../manifest/index.ts";
import type { TrustSettings } from "../settings/index.ts";
import type { Session } from "./session.ts";

/** Bytes of one file that goes with a bundle. */
const maxBytes = 64 * 1024 * 1024;

const carriedPolicy = "policy/policy.yaml";

/**
 * What goes with images so that they can be verified and promoted on the other side: the trusted root, the public keys and the policy of the
 * settings, with the reports and VEX that it names, and a `waybill.yaml` that names them; of a tree its manifests and its policy with what
 * that names, below `tree/`. Settings may name any file by mistake, and a bundle leaves the house: what is not what its setting says is refused.
 * @throws {SigstoreError} for a key that is no public key, and a trusted root that is none.
 * @throws {WaybillError} `unreadable-file` for a policy with errors, and for what cannot be read.
 */
export async function carriedFiles(
  session: Session,
  tree: Pick<ManifestTree, "path" | "manifests" | "policyFile"> | undefined,
): Promise<readonly CarriedFile[]> {
  const { trust } = await session.settings();
  const files = new Map<string, CarriedFile>();
  const add = (each: CarriedFile): unknown => files.set(each.path, each);
  if (trust.trustedRoot !== undefined)
    add({ path: "trusted_root.json", bytes: await trustedRootIn(trust.trustedRoot) });
  for (const [name, file] of Object.entries(trust.keys ?? {}))
    add({ path: `keys/${name}.pem`, bytes: await publicKeyIn(file, name) });
  if (trust.policy !== undefined) {
    const { readPolicyFile } = await import("../manifest/index.ts");
    for (const each of await policiesAt(carriedPolicy, await readPolicyFile(trust.policy))) add(each);
  }
  if (files.size > 0) add({ path: "waybill.yaml", bytes: settingsFor(trust) });
  if (tree !== undefined) {
    for (const file of new Set(tree.manifests.flatMap((each) => [each.file, each.imagesFile]))) {
      const below = relative(tree.path, file).split(sep).join("/");
      const name = below === "" ? file.split(sep).at(-1) : below;
      add({ path: `tree/${name}`, bytes: await read(file) });
    }
    if (tree.policyFile !== undefined)
      for (const each of await policiesAt("tree/policy.yaml", tree.policyFile)) add(each);
  }
  return [...files.values()];
}

async function trustedRootIn(file: string): Promise<Uint8Array> {
  const { readTrustedRoot } = await import("../sigstore/index.ts");
  const bytes = await read(file);
  await readTrustedRoot(bytes, file);
  return bytes;
}

/** The key alone, whatever else is in its file. */
async function publicKeyIn(file: string, name: string): Promise<Uint8Array> {
  const { readPublicKey } = await import("../sigstore/index.ts");
  const { key } = readPublicKey(Buffer.from(await read(file)).toString("utf8"), file, name);
  return Buffer.from(key.export({ type: "spki", format: "pem" }));
}

/** A policy under a path, and what it names, which it looks for beside it. */
async function policiesAt(
  path: string,
  { file, text, reports, unread }: PoliciesBeside,
): Promise<readonly CarriedFile[]> {
  if (typeof text !== "string") throw new WaybillError("unreadable-file", text.message, { where: file });
  const { parsePolicyFile } = await import("../policy/index.ts");
  const { diagnostics } = parsePolicyFile(text, file, { now: new Date() });
  const fault = diagnostics.find(({ severity }) => severity === "error");
  if (fault !== undefined)
    throw new WaybillError("unreadable-file", `it is no policy that holds: ${fault.message}`, {
      where: file,
      hint: "waybill check says all that is wrong with it",
    });
  const [failure] = unread;
  if (failure !== undefined)
    throw new WaybillError("unreadable-file", `the policy names it, and ${failure.message}`, {
      where: failure.where,
      hint: `without it nobody knows on the other side what ${file} demands`,
    });
  const carried: CarriedFile[] = [{ path, bytes: Buffer.from(text) }];
  for (const { name } of reports) {
    const below = join(dirname(path), name).split(sep).join("/");
    carried.push({ path: below, bytes: await read(join(dirname(file), name)) });
  }
  return carried;
}

/** Settings by which the other side verifies with the files beside them. JSON is YAML. */
function settingsFor({ trustedRoot, policy, keys = {} }: TrustSettings): Uint8Array {
  const trust = {
    ...(trustedRoot === undefined ? {} : { trustedRoot: "trusted_root.json" }),
    ...(policy === undefined ? {} : { policy: carriedPolicy }),
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
