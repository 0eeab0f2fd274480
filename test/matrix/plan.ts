import type { Digest, RepositoryName, Tag } from "../../src/oci/index.ts";
import type { Plan } from "../../src/promotion/index.ts";
import { allKinds } from "../../src/promotion/kinds.ts";
import { sealPlan } from "../../src/promotion/plan.ts";
import { imageKind, type PlannedRepositories } from "../../src/promotion/planned-images.ts";

/** How large a plan is, and what is wrong in it. */
interface PlanSize {
  readonly images: number;
  readonly mirrors: number;
  /** One image of so many is in conflict everywhere. */
  readonly conflictEach: number;
}

/** A plan that copies images of some projects to mirrors. */
export function planOf({ images, mirrors, conflictEach }: PlanSize): Plan {
  const items = Array.from({ length: images }, (_, number): PlannedRepositories => {
    const project = `project-${number % Math.min(images, 3)}`;
    const name = `image-${number}`;
    const isConflict = number % conflictEach === 0;
    return {
      destinations: Array.from(
        { length: mirrors },
        (_, mirror) => `mirror-${mirror}.example.com/prod/${project}/${name}` as RepositoryName,
      ),
      empty: !isConflict,
      images: [
        {
          digest: digestOf(number),
          project,
          source: `staging.example.com/${project}/${name}` as RepositoryName,
          edges: [
            {
              tag: `v${number}` as Tag,
              at: { file: `registry/images/${project}/images.yaml`, line: number + 1, column: 3 },
              ...(isConflict
                ? { verdict: "conflict", reason: "tag-at-other-digest", current: digestOf(number + 1) }
                : { verdict: "copy", reason: "digest-absent" }),
            },
          ],
        },
      ],
    };
  });
  return {
    ...sealPlan(allKinds, [{ kind: imageKind, present: 0, items }], `sha256:${"0".repeat(64)}`),
    createdAt: "2026-11-29T10:00:00.000Z",
  };
}

function digestOf(number: number): Digest {
  return `sha256:${number.toString(16).padStart(64, "0")}` as Digest;
}
