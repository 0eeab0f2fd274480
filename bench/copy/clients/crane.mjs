// crane copies one repository a process, all its tags; several copies are several processes.

/** @param copiesAtOnce Processes at the same time, or undefined: one after the other. */
export function craneClient(path, { id, kind, title, jobs, atOnce = 1 }) {
  return {
    id,
    kind,
    title,
    async plan({ corpus, source, destinations }) {
      const options = jobs === undefined ? [] : ["--jobs", String(jobs)];
      const repositories = [...new Set(corpus.images.map(({ repository }) => repository))];
      const commands = destinations.flatMap((destination) =>
        repositories.map((repository) => [
          path,
          "copy",
          "--insecure",
          "--all-tags",
          ...options,
          `${source}/${repository}`,
          `${destination}/${repository}`,
        ]),
      );
      return { commands, atOnce };
    },
  };
}
