// Whether a registry holds a corpus, byte for byte: everything is read from it and hashed.
import { createHash } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { each } from "./requests.mjs";

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/**
 * Reads every tag, every manifest and every blob of a corpus below `address/prefix`, each once for a repository. Gives
 * how many there were, how many are `missing` and how many are `wrong`, of tags and of everything.
 */
export async function readBack(address, prefix, { images }) {
  const found = { tags: 0, objects: 0, missing: [], wrong: [] };
  const seen = new Set();
  const check = async (url, { digest, mediaType }) => {
    const got = await digestAt(url, mediaType);
    if (got === undefined) found.missing.push(url);
    else if (got !== digest) found.wrong.push(url);
  };
  await each(images, 8, async ({ repository, tag, root, children, blobs }) => {
    const base = `http://${address}/v2/${prefix}/${repository}`;
    found.tags += 1;
    await check(`${base}/manifests/${tag}`, root.descriptor);
    for (const [kind, objects] of [
      ["manifests", [root, ...children]],
      ["blobs", blobs],
    ]) {
      for (const { descriptor } of objects) {
        const url = `${base}/${kind}/${descriptor.digest}`;
        if (seen.has(url)) continue;
        seen.add(url);
        found.objects += 1;
        await check(url, descriptor);
      }
    }
  });
  return found;
}

/** The digest of what a registry sends, or undefined when it has nothing there. */
async function digestAt(url, accept) {
  const response = await new Promise((resolve, reject) => {
    httpRequest(url, { headers: { accept }, agent }).once("response", resolve).once("error", reject).end();
  });
  const hash = createHash("sha256");
  for await (const chunk of response) hash.update(chunk);
  return response.statusCode === 200 ? `sha256:${hash.digest("hex")}` : undefined;
}
