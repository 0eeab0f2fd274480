import type { OwnersOf, Review } from "./review.ts";

/** The changed files of a review, from the top of the repository. */
export function filesOf({ projects }: Review): readonly string[] {
  return [...new Set(projects.flatMap(({ files }) => files.map(({ file }) => file)))];
}

/** The review, with those who may approve its files. They are known only when the files are. */
export function withOwners(review: Review, ownersOf: OwnersOf): Review {
  const projects = review.projects.map((project) => ({
    ...project,
    files: project.files.map(({ file }) => {
      const owners = ownersOf(file);
      return owners === undefined ? { file } : { file, owners };
    }),
  }));
  return { ...review, projects };
}
