import type { ImageLife, MirrorLife, PullLife } from "../../../history/index.ts";
import type { ImageContentsDocument } from "../../../server/index.ts";
import { bytesInWords } from "../../parts/amount.ts";
import { Fact } from "../../parts/facts.tsx";
import { healthWords } from "../../parts/health.tsx";
import { pageOfRepository, Repository } from "../../parts/links.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import type { Listed } from "../../tables.ts";
import type { Answered, Visit } from "../../visit.ts";
import { Line, Sign } from "./line.tsx";
import { addressOfImage, shortName } from "./names.ts";
import { soon } from "./soon.ts";

/** The life of one digest: where it is, who let it in, what it is made of. */
export async function lifePage(
  visit: Visit,
  { image: repository, digest }: { readonly image: string; readonly digest: string },
): Promise<Answered> {
  const { api } = visit;
  const asked = { image: repository, digest };
  const life = await api.get<ImageLife>("/images/life", asked);
  const contents =
    visit.format === undefined || visit.url.searchParams.get("table") === "layers"
      ? await soon(visit, api.get<ImageContentsDocument>("/images/contents", asked))
      : undefined;
  const { image, tags, mirrors, events, askedBy, pulls } = life;
  const names = [...new Set(tags.map(({ tag }) => tag))];
  const shownMirrors = visit.rows("mirrors", mirrors);
  const shownEvents = visit.rows("events", events);
  const shownLines = visit.rows("lines", askedBy);
  const layers = visit.rows("layers", contents?.contents?.layers ?? []);
  return visit.page(
    { title: `${shortName(image)} ${names[0] ?? digest.slice(0, 19)}`, part: "/images", isLive: true },
    <>
      <h1>
        <a href={addressOfImage(image)}>{shortName(image)}</a>
        {names.slice(0, 8).map((name) => (
          <span class="tag">{name}</span>
        ))}
      </h1>
      <p>
        <code>{`${image}@${digest}`}</code>
      </p>
      <Line life={life} />
      <p>
        At a terminal: <code>{`waybill trace ${image}@${digest} --server ${visit.publicUrl.origin}`}</code>
      </p>
      <section aria-labelledby="mirrors">
        <h2 id="mirrors">Where it is</h2>
        <Table
          label="Mirrors"
          columns={[
            { title: "State", cell: (mirror) => <MirrorState of={mirror} /> },
            { title: "Production repository", cell: ({ repository: name }) => <code>{name}</code> },
            { title: "Tags", cell: (mirror) => mirror.tags.join(", ") },
            { title: "Brought there", cell: ({ arrivedAt }) => <Time at={arrivedAt} /> },
            {
              title: "By run",
              cell: ({ run }) => (run === undefined ? "" : <a href={`/runs/${run}`}>{run}</a>),
            },
            { title: "Looked at", cell: ({ lookedAt }) => <Time at={lookedAt} /> },
            { title: "Why", cell: ({ why }) => why ?? "" },
          ]}
          of={shownMirrors}
          keyOf={({ repository: name }) => `mirror-${name}`}
          empty="No run has brought it to production, or tried to."
        />
      </section>
      <section aria-labelledby="pulls">
        <h2 id="pulls">Who let it in</h2>
        {pulls.length === 0 ? (
          <p class="empty">
            No pull request that asks for it is known: jobs of the kinds propose and review tell of them.
          </p>
        ) : (
          pulls.map((pull) => <Pull of={pull} />)
        )}
      </section>
      <section aria-labelledby="lines">
        <h2 id="lines">What asks for it</h2>
        <Table
          label="Lines of manifests"
          columns={[
            { title: "Line", cell: ({ place }) => <code>{place}</code> },
            { title: "Tags", cell: (line) => line.tags.join(", ") },
            { title: "In", cell: ({ repo }) => <Repository url={repo} /> },
            {
              title: "At commit",
              cell: ({ commit }) =>
                commit === undefined ? "" : <code title={commit}>{commit.slice(0, 12)}</code>,
            },
          ]}
          of={shownLines}
          empty="No line of manifests is known that asks for it."
        />
      </section>
      <section aria-labelledby="contents">
        <h2 id="contents">What it contains, and what hangs on it</h2>
        {contents === undefined ? (
          <p class="empty">Its registry has not answered yet. Read the page anew in a moment.</p>
        ) : (
          <Contents of={contents} layers={layers} />
        )}
      </section>
      <section aria-labelledby="events">
        <h2 id="events">All that happened to it</h2>
        <Table
          label="All that happened to it"
          columns={[
            { title: "When", cell: ({ at }) => <Time at={at} /> },
            { title: "What", cell: ({ text }) => text },
            {
              title: "Until",
              cell: ({ lastAt }) => (lastAt === undefined ? "" : <Time at={lastAt} />),
            },
            {
              title: "Run",
              cell: ({ run }) => <a href={`/runs/${run.id}`}>{`${run.job} ${run.id}`}</a>,
            },
          ]}
          of={shownEvents}
          empty="Nothing is known of it."
        />
      </section>
    </>,
  );
}

const words: Readonly<Record<string, string>> = healthWords;
const good: ReadonlySet<string> = new Set(["there", "promoted"]);

function MirrorState({ of: { state } }: { readonly of: MirrorLife }) {
  const sign = good.has(state) ? "done" : state === "unread" || state === "pending" ? "unknown" : "failed";
  return (
    <span class={`state station-${sign}`}>
      <Sign of={sign} />
      {words[state] ?? state}
    </span>
  );
}

/** A pull request: who has opened it, what was judged, and who has approved which commit. */
function Pull({ of }: { readonly of: PullLife }) {
  const { url, number, title, author, verdict, commit, edgesHash, approvals, uncovered } = of;
  const page = pageOfRepository(url);
  return (
    <div class="pull">
      <h3>
        {page === undefined ? `#${number}` : <a href={page.href} rel="noreferrer">{`#${number}`}</a>}{" "}
        {title ?? url}
      </h3>
      <dl class="facts">
        <Fact name="Opened by">
          {author ?? "nobody knows"}
          {of.proposedBy === undefined ? (
            ""
          ) : (
            <>
              {" "}
              in run <a href={`/runs/${of.proposedBy}`}>{of.proposedBy}</a>
            </>
          )}{" "}
          {of.proposedAt === undefined ? "" : <Time at={of.proposedAt} />}
        </Fact>
        <Fact name="Review">
          {verdict ?? "not judged yet"}
          {of.reviewedBy === undefined ? (
            ""
          ) : (
            <>
              {" "}
              by run <a href={`/runs/${of.reviewedBy}`}>{of.reviewedBy}</a>
            </>
          )}{" "}
          {of.reviewedAt === undefined ? "" : <Time at={of.reviewedAt} />}
        </Fact>
        {commit === undefined ? (
          ""
        ) : (
          <Fact name="Judged commit">
            <code>{commit}</code>
          </Fact>
        )}
        {edgesHash === undefined ? (
          ""
        ) : (
          <Fact name="Hash of what it asks for">
            <code>{edgesHash}</code>
          </Fact>
        )}
      </dl>
      {approvals.length === 0 ? (
        <p>Nobody has approved it, as far as a review has seen.</p>
      ) : (
        <ul>
          {approvals.map(({ user, commit: approved, at, void: reason }) => (
            <li>
              <strong>{user}</strong> approved{" "}
              {approved === undefined ? "it" : <code>{approved.slice(0, 12)}</code>}{" "}
              {at === undefined ? "" : <Time at={at} />}
              {reason === undefined ? " (it counts)" : ` (it does not count: ${reason})`}
            </li>
          ))}
        </ul>
      )}
      {uncovered.length === 0 ? "" : <p>{`Not approved: ${uncovered.join(", ")}`}</p>}
    </div>
  );
}

type Layer = NonNullable<ImageContentsDocument["contents"]>["layers"][number];

function Contents({ of, layers }: { readonly of: ImageContentsDocument; readonly layers: Listed<Layer> }) {
  const { contents, before, referrers, unread, image, from } = of;
  const shared = contents?.layers.filter(({ isShared }) => isShared === true) ?? [];
  const sharedBytes = shared.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <>
      {unread.map(({ what, why }) => (
        <p class="problem">
          <code>{what}</code> could not be read: {why}
        </p>
      ))}
      {contents === undefined ? (
        <p class="empty">
          {unread.length > 0 ? "What it contains is not known." : "None of its repositories has it any more."}
        </p>
      ) : (
        <>
          <dl class="facts">
            <Fact name="Size">{bytesInWords(contents.bytes)}</Fact>
            <Fact name="Platforms">{contents.platforms.join(", ") || "none is named"}</Fact>
            <Fact name="Built">
              <Time at={contents.created} />
            </Fact>
            <Fact name="Kind">{contents.artifactType ?? contents.mediaType}</Fact>
            {before === undefined ? (
              ""
            ) : (
              <Fact name="Shared with the one before">
                {`${shared.length} of ${contents.layers.length} layers, ${bytesInWords(sharedBytes)}, with `}
                <a href={addressOfImage(image, before.digest)}>{before.tag ?? before.digest.slice(0, 19)}</a>
                {before.bytes === undefined ? "" : ` (${bytesInWords(before.bytes)})`}
              </Fact>
            )}
            <Fact name="Asked">{from ?? "nobody: it was kept"}</Fact>
          </dl>
          <Table
            label="Layers"
            columns={[
              { title: "Layer", cell: ({ digest }) => <code>{digest}</code> },
              { title: "Size", cell: ({ bytes }) => bytesInWords(bytes), isNumber: true },
              {
                title: "In the one before",
                cell: ({ isShared }) => (isShared === undefined ? "" : isShared ? "yes" : "no"),
              },
            ]}
            of={layers}
            empty="It has no layers."
          />
        </>
      )}
      <h3>What hangs on it</h3>
      {referrers === undefined ? (
        <p class="empty">Nobody knows now: its registry could not be asked.</p>
      ) : referrers.length === 0 ? (
        <p class="empty">Nothing: no signature, provenance or SBOM is attached.</p>
      ) : (
        <ul>
          {referrers.map(({ digest, artifactType, bytes }) => (
            <li>
              {artifactType ?? "of no type"} <code>{digest}</code> {bytesInWords(bytes)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
