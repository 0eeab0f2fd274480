import { firstOf } from "../../diagnostics/index.ts";
import type { ManifestComparison, RegistrySide } from "../../edges/index.ts";
import type { Answers } from "../ask-registries.ts";
import type { ReviewFinding } from "../review.ts";
import { placed } from "../words.ts";

/** New destinations that we may not push to, and those of which nobody knows: of each project together. */
export function judgeRights(
  { projects }: Pick<ManifestComparison, "projects">,
  answers: Pick<Answers, "mayPush"> | undefined,
): readonly ReviewFinding[] {
  return projects.flatMap(({ project, addedDestinations }) => {
    const groups = new Map<string, [RegistrySide, ...RegistrySide[]]>();
    for (const side of addedDestinations) {
      const answer = answers?.mayPush(project, side.name);
      if (answer === undefined || answer.mayPush === "yes") continue;
      const key = answer.mayPush === "no" ? "no" : (answer.why ?? "");
      const others = groups.get(key);
      if (others === undefined) groups.set(key, [side]);
      else others.push(side);
    }
    return [...groups].map(([key, sides]): ReviewFinding => {
      const names = firstOf(sides.map(({ name }) => name));
      const place = placed(sides[0].at);
      if (key === "no") {
        return {
          severity: "fails",
          code: "no-push-rights",
          message: `${names} ${sides.length === 1 ? "does" : "do"} not let the credentials that are there push, so nothing of ${project} would arrive`,
          hint: "ask whoever runs the registry for leave to push, or review with the credentials of the promotion",
          ...place,
        };
      }
      return {
        severity: "mentions",
        code: "push-rights-unknown",
        message: `whether promotion may push to ${names} is not known: ${key}`,
        hint: "the first promotion will tell; ask whoever runs the registry",
        ...place,
      };
    });
  });
}
