import { raw } from "hono/html";
import type {
  DriftDocument,
  ProductionProjectDocument,
  ProductionSampleDocument,
  ProductionTreeDocument,
} from "../../server/index.ts";
import { Chart } from "../parts/chart.tsx";
import { durationInWords } from "../parts/duration.ts";
import { HealthLegend, HealthSign, healthWords, offHealths, type ShownHealth } from "../parts/health.tsx";
import { pageOfRepository } from "../parts/links.tsx";
import { Formats } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { countOf } from "../parts/words.ts";
import type { Answered, Visit } from "../visit.ts";
import { DriftTable, driftEmpty } from "./drift.tsx";
import { projectAddress, withQuery } from "./production-links.ts";

type Cell = ProductionProjectDocument["mirrors"][number];

/** Projects by mirrors: how production is as of the last look, what is not as asked, and how it came to be so. */
export async function productionPage(visit: Visit): Promise<Answered> {
  const { api, url } = visit;
  const projects = await api.all<ProductionProjectDocument>("/production");
  const matrix = visit.rows("matrix", projects.flatMap(cellRows));
  const [trees, drift, history] = await Promise.all([
    api.all<ProductionTreeDocument>("/production/trees"),
    // What cannot be read may be all there is at a host: it is said once for each host.
    visit.list<DriftDocument>("drift", "/production/drift", { state: "known", limit: "10" }),
    api.all<ProductionSampleDocument>("/production/history"),
  ]);
  const frame = { title: "Production", part: "/production", isLive: true };
  if (projects.length === 0) return visit.page(frame, <Empty trees={trees} />);
  const wanted = url.searchParams.get("show") ?? "all";
  const shown = wanted === "off" ? projects.filter((project) => needsAttention(project)) : projects;
  const hosts = [
    ...new Set(projects.flatMap(({ mirrors }) => mirrors.map(({ mirror }) => hostOf(mirror)))),
  ].sort();
  return visit.page(
    frame,
    <>
      <h1>Production</h1>
      <ul class="looks">
        {trees.map((tree) => (
          <Look tree={tree} />
        ))}
      </ul>
      <Figures projects={projects} />
      <UnreadHosts projects={projects} />
      <h2 id="projects">Projects at their mirrors</h2>
      <nav aria-label="Which projects" class="bar">
        <a href="/production" aria-current={wanted === "off" ? undefined : "true"}>
          All {countOf(projects.length)}
        </a>
        <a href="/production?show=off" aria-current={wanted === "off" ? "true" : undefined}>
          Not as asked {countOf(projects.filter(needsAttention).length)}
        </a>
        <a href="/production/drift">Everything that is not as asked</a>
        <a href="/production/hosts">What hosts were asked for</a>
      </nav>
      <HealthLegend />
      {shown.length === 0 ? (
        <p class="empty">
          All projects are as asked. <a href="/production">Show all</a>
        </p>
      ) : (
        <div class="table">
          <section class="scroll matrix" aria-label="Projects at their mirrors: table" tabindex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">Project</th>
                  <th scope="col" class="number">
                    Images
                  </th>
                  {hosts.map((host) => (
                    <th scope="col" class="mirror">
                      <span>{host}</span>
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {shown.map((project) => (
                  <ProjectRow project={project} hosts={hosts} />
                ))}
              </tbody>
            </table>
          </section>
          <Formats of={matrix} label="Projects at their mirrors" />
        </div>
      )}
      <h2 id="drift">What is not as asked, the newest first</h2>
      <DriftTable of={drift} empty={driftEmpty} />
      {drift.next === undefined ? (
        ""
      ) : (
        <p>
          <a href="/production/drift?state=known">All that is not as asked</a>
        </p>
      )}
      <h2>Over time</h2>
      <div class="charts">
        <Promoted visit={visit} history={history} />
        <OverTime visit={visit} history={history} />
        <Unread visit={visit} history={history} />
      </div>
    </>,
  );
}

function Empty({ trees }: { readonly trees: readonly ProductionTreeDocument[] }) {
  return (
    <>
      <h1>Production</h1>
      <p class="empty">
        {trees.length === 0
          ? "Nobody has looked at production yet. "
          : "No look at production has come to its end yet. "}
        A job of kind <code>verify</code> or <code>promote</code> does: add one with a clock to the{" "}
        <a href="/jobs">jobs</a>, or start one there. What it finds stands here when it ends.
      </p>
    </>
  );
}

function Look({ tree }: { readonly tree: ProductionTreeDocument }) {
  const {
    repo,
    ref,
    path,
    lookedAt,
    run,
    job,
    isStale,
    intervalSeconds,
    intervalOf,
    manifestErrors,
    cutOff,
  } = tree;
  const page = pageOfRepository(repo);
  const name = `${repo.replace(/^https?:\/\//, "").replace(/\.git$/, "")} ${path}`;
  return (
    <li class={isStale ? "problem" : undefined}>
      {page === undefined ? (
        <strong>{name}</strong>
      ) : (
        <a href={page.href} rel="noreferrer">
          {name}
        </a>
      )}{" "}
      <span class="quiet">{ref.replace(/^refs\/heads\//, "")}</span>:{" "}
      {lookedAt === undefined ? (
        "no look has come to its end"
      ) : (
        <>
          looked at <Time at={lookedAt} />
          {run === undefined ? (
            ""
          ) : (
            <>
              {" "}
              by <a href={`/runs/${run}`}>{job}</a>
            </>
          )}
        </>
      )}
      {isStale ? (
        <>
          {". "}
          <strong>The next look is overdue: what stands here may not be so any more.</strong>{" "}
          <a href="/jobs">Start one</a>
        </>
      ) : (
        ""
      )}
      <span class="below">
        {intervalOf === undefined
          ? "no clock has a job look at it again"
          : `${intervalOf} looks every ${durationInWords(intervalSeconds * 1000)}`}
        {tree.lookedIntoAt === undefined ? (
          "; nobody has looked into its images yet"
        ) : (
          <>
            ; into its images <Time at={tree.lookedIntoAt} />
          </>
        )}
        {manifestErrors === 0 ? "" : `; errors in its manifests: ${countOf(manifestErrors)}`}
        {cutOff === undefined ? (
          ""
        ) : (
          <>
            ; <a href={`/runs/${cutOff.run}`}>a later look</a> was cut off
          </>
        )}
      </span>
    </li>
  );
}

function Figures({ projects }: { readonly projects: readonly ProductionProjectDocument[] }) {
  const sum = (of: (project: ProductionProjectDocument) => number): number =>
    projects.reduce((all, project) => all + of(project), 0);
  const edges = sum((project) => project.edges);
  const stale = sum((project) => (project.isStale ? project.there : 0));
  const there = sum((project) => project.there) - stale;
  return (
    <ul class="figures">
      <li>
        <span>
          <strong>{shareOf(there, edges)}</strong> of {countOf(edges)} edges are there
        </span>
      </li>
      {stale === 0 ? (
        ""
      ) : (
        <li>
          <span>
            <strong>{countOf(stale)}</strong> were there when somebody looked last
          </span>
        </li>
      )}
      {offHealths.map((health) => {
        const count = sum((project) => project[health]);
        if (count === 0) return "";
        return (
          <li>
            <a href={`/production/drift?state=${health}`}>
              <strong>{countOf(count)}</strong> <HealthSign of={health} /> {healthWords[health]}
            </a>
          </li>
        );
      })}
    </ul>
  );
}

/** Hosts of which nothing is known now, and since when. */
function UnreadHosts({ projects }: { readonly projects: readonly ProductionProjectDocument[] }) {
  const hosts = new Map<string, { edges: number; since: string }>();
  for (const { mirrors } of projects) {
    for (const { mirror, off, unreadSince } of mirrors) {
      if (off.unread === undefined || unreadSince === undefined) continue;
      const host = hostOf(mirror);
      const known = hosts.get(host) ?? { edges: 0, since: unreadSince };
      const [since = unreadSince] = [known.since, unreadSince].sort();
      hosts.set(host, { edges: known.edges + off.unread, since });
    }
  }
  if (hosts.size === 0) return "";
  return (
    <ul class="looks">
      {[...hosts].sort().map(([host, { edges, since }]) => (
        <li class="problem">
          <HealthSign of="unread" /> {countOf(edges)} edges at{" "}
          <a href={withQuery("/production/drift", { state: "unread", mirror: host })}>{host}</a> could not be
          read: nothing is known of them since <Time at={since} />
        </li>
      ))}
    </ul>
  );
}

/** Rounded down: what is not all is never 100 %. */
function shareOf(part: number, whole: number): string {
  if (whole === 0 || part === whole) return "100\u202f%";
  return `${(Math.floor((part / whole) * 10_000) / 100).toFixed(2)}\u202f%`;
}

function needsAttention({ health, isStale }: ProductionProjectDocument): boolean {
  return health !== "there" || isStale;
}

/** Where a mirror is: a project may have several at one host, such as folders of its own. */
function hostOf(mirror: string): string {
  return mirror.split("/", 1)[0] ?? mirror;
}

/** The mirrors of a project at each host, put together. */
function byHost(mirrors: readonly Cell[]): ReadonlyMap<string, HostCell> {
  const hosts = new Map<string, HostCell>();
  for (const { mirror, edges, off, offSince, unreadSince } of mirrors) {
    const host = hostOf(mirror);
    const known = hosts.get(host) ?? { host, edges: 0, off: {}, since: undefined };
    const both = { ...known.off };
    for (const health of offHealths) {
      const count = (both[health] ?? 0) + (off[health] ?? 0);
      if (count > 0) both[health] = count;
    }
    const since = [known.since, offSince, unreadSince].filter((time) => time !== undefined).sort()[0];
    hosts.set(host, { host, edges: known.edges + edges, off: both, since });
  }
  return hosts;
}

interface HostCell {
  readonly host: string;
  readonly edges: number;
  readonly off: { readonly [Health in (typeof offHealths)[number]]?: number };
  readonly since: string | undefined;
}

function ProjectRow({
  project: of,
  hosts,
}: {
  readonly project: ProductionProjectDocument;
  readonly hosts: readonly string[];
}) {
  const { project, images, isStale, unreadableSince } = of;
  const cells = byHost(of.mirrors);
  return (
    <tr>
      <th scope="row">
        <a href={projectAddress(project)}>{project}</a>
        {unreadableSince === undefined ? (
          ""
        ) : (
          <span class="below">
            its manifests cannot be read since <Time at={unreadableSince} />
          </span>
        )}
      </th>
      <td class="number">{countOf(images)}</td>
      {hosts.map((host) => (
        <MirrorCell project={project} cell={cells.get(host)} isStale={isStale} />
      ))}
    </tr>
  );
}

function MirrorCell({
  project,
  cell,
  isStale,
}: {
  readonly project: string;
  readonly cell: HostCell | undefined;
  readonly isStale: boolean;
}) {
  if (cell === undefined) return <td class="none" />;
  // Most are so: made once, they are not made anew for each.
  const health = offHealths.find((name) => (cell.off[name] ?? 0) > 0);
  if (health === undefined) return isStale ? oldCell : thereCell;
  const words = wordsOf(cell);
  const title = `${cell.host}: ${words}`;
  const off = Object.values(cell.off).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  return (
    <td class={`health-${health}`}>
      <a href={withQuery(projectAddress(project), { state: "off", mirror: cell.host })} title={title}>
        <HealthSign of={health} />
        {shortCount(off)}
        <span class="unseen">{`: ${words}`}</span>
      </a>
    </td>
  );
}

const thereCell = plainCell("there", "all there");
const oldCell = plainCell("old", "all were there");

function plainCell(health: ShownHealth, words: string) {
  const cell = (
    <td class={`health-${health}`}>
      <HealthSign of={health} />
      <span class="unseen">{words}</span>
    </td>
  );
  return raw(cell.toString());
}

function shortCount(count: number): string {
  return count < 1_000 ? String(count) : `${Math.floor(count / 1_000)}k`;
}

function wordsOf({ edges, off, since }: HostCell): string {
  const parts = offHealths.flatMap((health) => {
    const count = off[health] ?? 0;
    return count === 0 ? [] : [`${countOf(count)} ${healthWords[health]}`];
  });
  const begun = since === undefined ? "" : `, since ${since.slice(0, 16).replace("T", " ")} UTC`;
  return `${parts.join(", ")} of ${countOf(edges)}${begun}`;
}

/** The cells of a project as a table has them that goes elsewhere. */
function cellRows({ project, repo, path, mirrors, lookedAt, run, isStale }: ProductionProjectDocument) {
  return mirrors.map(({ mirror, registry, health, edges, off, offSince, unreadSince }) => ({
    ...{ project, mirror, registry, health, edges },
    there: edges - Object.values(off).reduce<number>((sum, count) => sum + (count ?? 0), 0),
    ...Object.fromEntries(offHealths.map((name) => [name, off[name] ?? 0])),
    ...{ offSince, unreadSince, lookedAt, run, isStale, repo, path },
  }));
}

interface OverTimeProps {
  readonly visit: Visit;
  readonly history: readonly ProductionSampleDocument[];
}

const noSamples = "There are numbers as soon as a run of verify or promote has ended.";

function Promoted({ visit, history }: OverTimeProps) {
  const images = history.reduce((sum, { promotedImages }) => sum + promotedImages, 0);
  return (
    <Chart
      {...{ visit, name: "promoted", label: "Images promoted by day", empty: noSamples }}
      summary={`${countOf(images)} in the last 90 days`}
      times={history.map(({ at }) => at)}
      series={[
        {
          name: "images",
          shape: "bar",
          tone: "good",
          values: history.map(({ promotedImages }) => promotedImages),
        },
      ]}
    />
  );
}

function OverTime({ visit, history }: OverTimeProps) {
  const last = history.at(-1);
  const values = (of: (sample: ProductionSampleDocument) => number) => history.map(of);
  const wrong = ({ failed, elsewhere, damaged, contested }: ProductionSampleDocument): number =>
    failed + elsewhere + damaged + contested;
  return (
    <Chart
      {...{ visit, name: "off", label: "Edges not as asked, at the end of each day", empty: noSamples }}
      summary={
        last === undefined ? "" : `${countOf(wrong(last) + last.missing)} of ${countOf(last.edges)} at last`
      }
      times={history.map(({ at }) => at)}
      series={[
        {
          name: "failed, other digest, damaged, claimed twice",
          shape: "line",
          tone: "bad",
          values: values(wrong),
        },
        { name: "missing", shape: "line", tone: "wait", values: values(({ missing }) => missing) },
      ]}
    />
  );
}

function Unread({ visit, history }: OverTimeProps) {
  return (
    <Chart
      {...{
        visit,
        name: "unread",
        label: "Edges that could not be read, at the end of each day",
        empty: noSamples,
      }}
      summary={`${countOf(history.at(-1)?.unread ?? 0)} at last`}
      times={history.map(({ at }) => at)}
      series={[{ name: "unread", shape: "bar", tone: "still", values: history.map(({ unread }) => unread) }]}
    />
  );
}
