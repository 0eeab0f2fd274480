// skopeo sync takes all repositories of a source from one file; several destinations are several processes.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** @param split Whether every repository is a process of its own, rather than all of them one. */
export function skopeoClient(path, { id, kind, title, atOnce = 1, split = false }) {
  return {
    id,
    kind,
    title,
    async plan({ corpus, source, destinations }, folder) {
      const [host, ...prefix] = source.split("/");
      const repositories = [...new Set(corpus.images.map(({ repository }) => repository))];
      const groups = split ? repositories.map((repository) => [repository]) : [repositories];
      const files = await Promise.all(
        groups.map(async (group, position) => {
          const images = group.map((repository) => [[...prefix, repository].join("/"), []]);
          const file = join(folder, `skopeo-${position}.yaml`);
          await writeFile(
            file,
            JSON.stringify({ [host]: { "tls-verify": false, images: Object.fromEntries(images) } }),
          );
          return file;
        }),
      );
      const options = [
        "--all",
        "--preserve-digests",
        "--src",
        "yaml",
        "--dest",
        "docker",
        "--dest-tls-verify=false",
      ];
      const commands = destinations.flatMap((destination) =>
        files.map((file) => [path, "--insecure-policy", "sync", ...options, file, destination]),
      );
      return { commands, atOnce };
    },
  };
}
