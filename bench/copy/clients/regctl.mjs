// regctl copies one image a process.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export function regctlClient(path, { id, kind, title, atOnce = 1 }) {
  return {
    id,
    kind,
    title,
    async plan({ corpus, source, destinations }, folder) {
      const hosts = [source, ...destinations].map((name) => name.split("/", 1)[0]);
      const config = join(folder, "regctl");
      await mkdir(config, { recursive: true });
      const entries = hosts.map((host) => [host, { tls: "disabled", hostname: host }]);
      await writeFile(join(config, "config.json"), JSON.stringify({ hosts: Object.fromEntries(entries) }));
      const commands = destinations.flatMap((destination) =>
        corpus.images.map(({ repository, tag }) => [
          path,
          "image",
          "copy",
          `${source}/${repository}:${tag}`,
          `${destination}/${repository}:${tag}`,
        ]),
      );
      return { commands, atOnce, environment: { REGCTL_CONFIG: join(config, "config.json") } };
    },
  };
}
