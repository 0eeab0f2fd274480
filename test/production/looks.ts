import { edgesOf } from "../../src/edges/index.ts";
import type { ProductionLook, SeenTrouble } from "../../src/production/index.ts";
import { digestFor, type Images, manifestOf } from "../promotion/world.ts";

export const place = { repo: "https://forge.example/k8s/infra", ref: "refs/heads/main", path: "registry" };
export const mirrors = ["eu.example/prod", "us.example/prod", "asia.example/prod"];
const day = 24 * 3_600_000;
/** Ten o'clock of yesterday: hours are kept for some days. */
export const first = new Date(Math.floor(Date.now() / day - 1) * day + 10 * 3_600_000);

/** So many hours after the first look. */
export function hours(count: number): Date {
  return new Date(first.getTime() + count * 3_600_000);
}

let runs = 0;

/** A look at these projects, each with its images, in which this was not as asked. */
export function lookAt(
  projects: Readonly<Record<string, Images>>,
  { troubles = [], ...more }: Partial<ProductionLook> = {},
): ProductionLook {
  runs += 1;
  const manifests = Object.entries(projects).map(([project, images]) =>
    manifestOf(
      project,
      `staging.example/${pathOf(project)}`,
      mirrors.map((mirror) => `${mirror}/${pathOf(project)}`),
      images,
    ),
  );
  return {
    ...{ place, run: String(runs), attempt: 1, job: "verify", commit: "c".repeat(40), began: first },
    ...{ isWhole: true, isDeep: false, unreadable: [], manifestErrors: 0, troubles },
    edges: edgesOf(manifests),
    promoted: { images: 0, edges: 0 },
    ...more,
  };
}

/** What a registry may be called of a project that is called anything. */
function pathOf(project: string): string {
  return project
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** One trouble of an image, by the number of its mirror and its nickname. */
export function trouble(
  mirror: number,
  repository: string,
  nickname: string,
  tag: string | null,
  what: SeenTrouble["trouble"],
  more: Partial<SeenTrouble> = {},
): SeenTrouble {
  return {
    ...{ destination: `${mirrors[mirror]}/${repository}`, digest: digestFor(nickname), tag, trouble: what },
    ...more,
  };
}
