import type { DestinationDocument } from "../../../server/index.ts";
import { ListPages } from "../../parts/list-pages.tsx";
import { Mark } from "../../parts/mark.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { countOf } from "../../parts/words.ts";
import type { Answered, Visit } from "../../visit.ts";
import { settingsPage } from "./frame.tsx";

const path = "/settings/destinations";

/** Registries: what they are configured to bear, what they were found to bear, and who is shown to them. */
export async function destinationSettings(visit: Visit): Promise<Answered> {
  const after = visit.url.searchParams.get("after") ?? undefined;
  const hosts = await visit.list<DestinationDocument>("destinations", "/destinations", {
    after,
    limit: "200",
  });
  return settingsPage(
    visit,
    path,
    <>
      <h1>Destinations</h1>
      <p>
        Registries that the settings name or that runs have asked. Limits stand below <code>hosts</code> in
        waybill.yaml; what a registry was found to take is learnt from what it refuses, and written down by
        workers every 15 seconds.
      </p>
      <Table
        label="Destinations"
        columns={[
          {
            title: "Host",
            cell: ({ host, isConfigured }) => (
              <>
                <strong>{host}</strong>
                {isConfigured ? "" : <span class="below">not in the settings</span>}
              </>
            ),
          },
          { title: "State", cell: (each) => <HostHealth of={each} /> },
          { title: "Limits", cell: (each) => <Limits of={each} /> },
          {
            title: "Found to take",
            cell: ({ learnt }) =>
              learnt === undefined ? (
                <span class="none">no refusal yet</span>
              ) : (
                <>
                  {`${learnt.requestsPerSecond.toFixed(1)} requests/s`}
                  <span class="below">
                    <Time at={learnt.at} />
                  </span>
                </>
              ),
          },
          { title: "Requests", cell: ({ requests }) => countOf(requests), isNumber: true },
          {
            title: "Too many (429)",
            cell: ({ throttled, throttledAt }) => (
              <>
                {countOf(throttled)}
                {throttledAt === undefined ? (
                  ""
                ) : (
                  <span class="below">
                    <Time at={throttledAt} />
                  </span>
                )}
              </>
            ),
            isNumber: true,
          },
          { title: "Last heard of", cell: ({ seenAt }) => <Time at={seenAt} /> },
        ]}
        of={hosts}
        empty="The settings name no registry, and no run has asked any. A promotion's manifests name where it goes."
      />
      <ListPages url={visit.url} of={hosts} />
      {visit.me.mayManage ? <Credentials visit={visit} hosts={hosts.items} /> : ""}
    </>,
  );
}

/** How a registry is, as far as runs know. */
function HostHealth({ of: { away, refused, seenAt, status } }: { readonly of: DestinationDocument }) {
  if (away !== undefined) {
    return (
      <>
        <Mark of="bad" word="away" />
        <span class="below">
          {away.message} (<Time at={away.at} />)
        </span>
      </>
    );
  }
  if (seenAt === undefined) return <Mark of="idle" word="not asked yet" />;
  return (
    <>
      {status === 429 ? <Mark of="uncertain" word="busy" /> : <Mark of="fine" word="answers" />}
      {refused === undefined ? (
        ""
      ) : (
        <span class="below">
          refused whom it was shown ({refused.status}) <Time at={refused.at} />
        </span>
      )}
    </>
  );
}

function Limits({ of: { limits, quotas } }: { readonly of: DestinationDocument }) {
  const words = [
    limits.concurrency === undefined ? undefined : `${limits.concurrency} at a time`,
    limits.retries === undefined ? undefined : `${limits.retries} retries`,
    limits.http === true ? "plain HTTP" : undefined,
  ].filter((word) => word !== undefined);
  if (words.length === 0 && quotas.length === 0) return <span class="none">none: learnt</span>;
  return (
    <div class="wide">
      {words.map((word) => (
        <span class="row">{word}</span>
      ))}
      {quotas.map(({ requests, seconds, kinds }) => (
        <span class="row">
          {`${countOf(requests)} requests${seconds === 1 ? "/s" : ` in ${seconds} s`}`}
          {kinds === undefined ? "" : <span class="below">{kinds.join(", ")}</span>}
        </span>
      ))}
    </div>
  );
}

type Credential = NonNullable<DestinationDocument["credentials"]>[number];

const kinds = {
  password: "password",
  helper: "credential helper",
  identity: "identity",
  anonymous: "nothing",
} as const;

/** Which rules say what registries are shown, and what they were shown last; never what that is. */
function Credentials({
  visit,
  hosts,
}: {
  readonly visit: Visit;
  readonly hosts: readonly DestinationDocument[];
}) {
  const shown = new Map(hosts.map(({ host, credential }) => [host, credential]));
  const rules = hosts.flatMap(({ host, credentials = [] }) => credentials.map((rule) => ({ ...rule, host })));
  const others = hosts.filter(({ credential, credentials = [] }) => credential && credentials.length === 0);
  return (
    <section aria-labelledby="credentials">
      <h2 id="credentials">What they are shown</h2>
      <Table
        label="Credentials"
        columns={[
          { title: "For", cell: ({ repository }) => <strong>{repository}</strong> },
          { title: "Kind", cell: ({ kind }) => kinds[kind] },
          { title: "Who", cell: ({ identity }) => identity ?? <span class="none">–</span> },
          { title: "Used by", cell: usersOf },
          { title: "Kept in", cell: ({ from }) => from ?? <span class="none">–</span> },
          // Of the file, its name tells enough.
          { title: "Rule", cell: ({ where }) => <code>{where?.split("/").at(-1)}</code> },
          { title: "Last shown to the host", cell: ({ host }) => <Shown of={shown.get(host)} /> },
        ]}
        of={visit.rows<Credential & { readonly host: string }>("credentials", rules)}
        empty="No rule says what registries are shown: name some below credentials in waybill.yaml."
      />
      {others.map(({ host, credential }) => (
        <p>
          {host} was shown <Shown of={credential} />, by no rule of waybill.yaml.
        </p>
      ))}
    </section>
  );
}

function usersOf({ use, job }: Credential): string {
  if (use === "reading") return "runs that only read";
  return job === undefined ? "all runs" : `the job ${job}`;
}

function Shown({ of }: { readonly of: DestinationDocument["credential"] }) {
  if (of === undefined) return <span class="none">–</span>;
  return (
    <>
      {of.source}, <Time at={of.at} />
    </>
  );
}
