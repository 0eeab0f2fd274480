import type { ProductionImageDocument, ProductionProjectDocument } from "../../server/index.ts";
import { Health, HealthLegend, HealthSign, healthNow, healthWords } from "../parts/health.tsx";
import { ListPages } from "../parts/list-pages.tsx";
import { Formats } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { countOf } from "../parts/words.ts";
import { nowhere } from "../site.tsx";
import type { Answered, Visit } from "../visit.ts";
import { ImageFilters, imageQuery, RunLink, Why } from "./drift.tsx";
import { projectAddress } from "./production-links.ts";

/** The images of a project by its mirrors, the newest versions first, by pages. */
export async function projectPage(visit: Visit, project: string): Promise<Answered> {
  const { api, url } = visit;
  const query = imageQuery(url);
  const images = await visit.list<ProductionImageDocument>(
    "images",
    `/production/projects/${encodeURIComponent(project)}/images`,
    { ...query, limit: "100" },
  );
  const found = await api.all<ProductionProjectDocument>("/production", { project });
  const [first] = found;
  if (first === undefined) throw nowhere(url.pathname);
  const mirrors = [...new Set(found.flatMap((of) => of.mirrors.map(({ mirror }) => mirror)))].sort();
  const path = projectAddress(project);
  const registries = new Map(
    found.flatMap((of) => of.mirrors.map(({ mirror, registry }) => [mirror, registry])),
  );
  const isOld = found.some(({ isStale }) => isStale);
  return visit.page(
    { title: project, part: "/production", isLive: query.after === undefined },
    <>
      <nav aria-label="Above" class="trail">
        <a href="/production">Production</a>
      </nav>
      <h1>
        {project} <Health of={healthNow(first.health, isOld)} />
      </h1>
      <p>
        {countOf(first.images)} images, {countOf(first.edges)} edges at {countOf(mirrors.length)} mirrors,
        looked at <Time at={first.lookedAt} />
        {first.run === undefined ? (
          ""
        ) : (
          <>
            {" "}
            by <a href={`/runs/${first.run}`}>{first.job}</a>
          </>
        )}
        . {isOld ? <strong>The next look is overdue: what stands here may not be so any more.</strong> : ""}
        {first.unreadableSince === undefined ? (
          ""
        ) : (
          <strong>
            {" "}
            Its manifests cannot be read since <Time at={first.unreadableSince} />: this is what they asked
            for before.
          </strong>
        )}
      </p>
      <ImageFilters action={path} query={query} />
      <HealthLegend />
      {images.items.length === 0 ? (
        <p class="empty">
          No image is like that. <a href={path}>All images of the project</a>
        </p>
      ) : (
        <div class="table">
          <section class="scroll matrix" aria-label="Images at their mirrors: table" tabindex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">Image</th>
                  <th scope="col">Tags</th>
                  {mirrors.map((mirror) => (
                    <th scope="col" class="mirror" title={registries.get(mirror)}>
                      <MirrorName of={mirror} />
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {images.items.map((image) => (
                  <ImageRow image={image} mirrors={mirrors} />
                ))}
              </tbody>
            </table>
          </section>
          <Formats of={images} label="Images at their mirrors" />
        </div>
      )}
      <ListPages url={visit.url} of={images} />
    </>,
  );
}

/** A host, and where it has several of them, what they are told apart by. */
function MirrorName({ of }: { readonly of: string }) {
  const [host, ...path] = of.split("/");
  const last = path.at(-1);
  return (
    <span>
      {host}
      {last === undefined ? "" : <span class="below">{`…/${last}`}</span>}
    </span>
  );
}

const shownTags = 3;
const shownMirrors = 3;

function mirrorsInWords(names: readonly string[], all: number): string {
  if (names.length === all) return "all mirrors";
  const others = names.length - shownMirrors;
  return `${names.slice(0, shownMirrors).join(", ")}${others > 0 ? ` and ${others} more` : ""}`;
}

function ImageRow({
  image,
  mirrors,
}: {
  readonly image: ProductionImageDocument;
  readonly mirrors: readonly string[];
}) {
  const { name, digest, tags, source, at, troubles } = image;
  const asked = new Set(image.mirrors);
  return (
    <>
      <tr>
        <th scope="row">
          <a href={`/find?q=${encodeURIComponent(digest)}`} title={source}>
            {name}
          </a>
          <span class="below" title={at}>
            <code title={digest}>{digest.slice(0, 19)}</code>
          </span>
        </th>
        <td title={tags.join(", ")}>
          {tags.slice(0, shownTags).join(", ")}
          {tags.length > shownTags ? ` +${tags.length - shownTags}` : ""}
          {tags.length === 0 ? <span class="none">no tag</span> : ""}
        </td>
        {mirrors.map((mirror) => (
          <ImageCell image={image} mirror={mirror} isAsked={asked.has(mirror)} />
        ))}
      </tr>
      {troubles.length === 0 ? (
        ""
      ) : (
        <tr class="why">
          <td colspan={mirrors.length + 2}>
            <ul>
              {troubles.map((trouble) => (
                <li>
                  <Health of={trouble.health} /> {trouble.tags.join(", ")} at{" "}
                  {mirrorsInWords(trouble.mirrors, image.mirrors.length)} since <Time at={trouble.since} />,
                  found by <RunLink run={trouble.foundBy} />: <Why of={trouble} />
                </li>
              ))}
            </ul>
          </td>
        </tr>
      )}
    </>
  );
}

function ImageCell({
  image: { troubles, isStale },
  mirror,
  isAsked,
}: {
  readonly image: ProductionImageDocument;
  readonly mirror: string;
  readonly isAsked: boolean;
}) {
  if (!isAsked) return <td class="none" />;
  const [worst] = troubles.filter(({ mirrors }) => mirrors.includes(mirror));
  const health = healthNow(worst?.health ?? "there", isStale);
  return (
    <td class={`health-${health}`} title={`${mirror}: ${healthWords[health]}`}>
      <HealthSign of={health} />
      <span class="unseen">{healthWords[health]}</span>
    </td>
  );
}
