import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { carriedArtifact, readCarried } from "../../src/air-gap/carried.ts";
import { parseRepository } from "../../src/oci/index.ts";

test("files of a bundle that are too much together are refused before one is read", async () => {
  const bytes = Buffer.alloc(60 * 1024 * 1024);
  const files = ["a", "b", "c", "d", "e"].map((path) => ({ path, bytes }));
  const { document } = carriedArtifact(files);
  const opened: string[] = [];
  const repository = {
    name: parseRepository("localhost/files"),
    open: async ({ digest }: { readonly digest: string }) => {
      opened.push(digest);
      return Readable.from([bytes]);
    },
  } as unknown as Parameters<typeof readCarried>[1];
  await expect(readCarried(document, repository, "x.tar")).rejects.toMatchObject({ code: "bundle-refused" });
  expect(opened).toEqual([]);
});
