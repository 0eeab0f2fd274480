// Fills a registry with a corpus, and looks whether a client delivered it.
import { each, expectRequest, request } from "./requests.mjs";

/** Pushes a corpus below `address/prefix`. */
export async function seed(address, prefix, { images }) {
  const base = `http://${address}/v2/${prefix}`;
  const pushed = new Map();
  /** Pushes a blob or a child once per repository: the second to ask waits for the first. */
  const once = (repository, { descriptor }, push) => {
    const key = `${repository} ${descriptor.digest}`;
    if (!pushed.has(key)) pushed.set(key, push());
    return pushed.get(key);
  };
  const pushBlob = async (repository, { descriptor, chunks }) => {
    const begun = await expectRequest([202], "POST", `${base}/${repository}/blobs/uploads/`);
    const target = new URL(begun.headers.location, base);
    target.searchParams.set("digest", descriptor.digest);
    const headers = { "content-length": descriptor.size, "content-type": "application/octet-stream" };
    await expectRequest([201], "PUT", target, { headers, chunks: chunks() });
  };
  const pushDocument = async (repository, { descriptor, chunks }, reference) => {
    const headers = { "content-type": descriptor.mediaType, "content-length": descriptor.size };
    const url = `${base}/${repository}/manifests/${reference}`;
    await expectRequest([201], "PUT", url, { headers, chunks: chunks() });
  };
  await each(images, 16, async ({ repository, tag, root, children, blobs }) => {
    for (const blob of blobs) await once(repository, blob, () => pushBlob(repository, blob));
    for (const child of children) {
      await once(repository, child, () => pushDocument(repository, child, child.descriptor.digest));
    }
    await pushDocument(repository, root, tag);
  });
}

/** How many of the tags do not resolve to their digest below `address/prefix`. */
export async function undelivered(address, prefix, { images }) {
  let missing = 0;
  await each(images, 16, async ({ repository, tag, root }) => {
    const url = `http://${address}/v2/${prefix}/${repository}/manifests/${tag}`;
    const answer = await request("HEAD", url, { headers: { accept: root.descriptor.mediaType } });
    if (answer.headers["docker-content-digest"] !== root.descriptor.digest) missing += 1;
  });
  return missing;
}
