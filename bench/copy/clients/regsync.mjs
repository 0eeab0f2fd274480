// regsync takes everything from one file and copies it in one process.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** @param parallel Images at the same time, one when it is not given. @param requests Requests to a host at the same time. */
export function regsyncClient(path, { id, kind, title, parallel, requests }) {
  return {
    id,
    kind,
    title,
    async plan({ corpus, source, destinations }, folder) {
      const hosts = [...new Set([source, ...destinations].map((name) => name.split("/", 1)[0]))];
      const repositories = [...new Set(corpus.images.map(({ repository }) => repository))];
      const config = {
        version: 1,
        creds: hosts.map((registry) => ({
          registry,
          tls: "disabled",
          ...(requests === undefined ? {} : { reqConcurrent: requests }),
        })),
        ...(parallel === undefined ? {} : { defaults: { parallel } }),
        sync: destinations.flatMap((destination) =>
          repositories.map((repository) => ({
            source: `${source}/${repository}`,
            target: `${destination}/${repository}`,
            type: "repository",
          })),
        ),
      };
      const file = join(folder, "regsync.yaml");
      await writeFile(file, JSON.stringify(config));
      return { commands: [[path, "once", "--config", file]] };
    },
  };
}
