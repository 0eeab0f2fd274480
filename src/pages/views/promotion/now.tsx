import { cellStates, isProblemState } from "../../../matrix/index.ts";
import type { PromotionDocument } from "../../../server/index.ts";
import { bytesInWords } from "../../parts/amount.ts";
import { Time } from "../../parts/time.tsx";
import { countOf } from "../../parts/words.ts";
import { addressWith, type MatrixSearch } from "./search.ts";
import { inWords, listed, shortNames, signs } from "./words.ts";

interface PromotionProps {
  readonly promotion: PromotionDocument;
  readonly search: MatrixSearch;
}

/** How far it is, in one sentence: what a screen reader is told as well. */
export function statusOf(promotion: PromotionDocument): string {
  const words = progressOf(promotion);
  return promotion.isCutOff ? `Cut off: ${words}, as far as it is known` : words;
}

function progressOf(promotion: PromotionDocument): string {
  const { counts, now, kind, isDry, present, isWhole, isCutOff } = promotion;
  const all = listed(promotion);
  const problems = cellStates.reduce(
    (sum, { state }) => sum + (isProblemState(state) ? (counts[state] ?? 0) : 0),
    0,
  );
  const wrong = problems === 0 ? "" : `, ${countOf(problems)} ${problems === 1 ? "problem" : "problems"}`;
  if (now?.planning !== undefined && all === 0) {
    return `Planning: ${countOf(now.planning.done)} of ${countOf(now.planning.total)} repositories read`;
  }
  if (kind === "verification") {
    return all === 0 ? `All ${countOf(present)} tags are as listed` : `${countOf(problems)} findings`;
  }
  if (all === 0) {
    return isWhole || present > 0
      ? `Nothing to do: all ${countOf(present)} are as asked`
      : isCutOff
        ? "nothing was planned"
        : "Preparing";
  }
  if (isDry) return `${countOf(counts.pending ?? 0)} to do${wrong}`;
  const done = counts.done ?? 0;
  const work = done + (counts.pending ?? 0) + (counts.copying ?? 0) + (counts.failed ?? 0);
  return `${countOf(done)} of ${countOf(work)} copied${wrong}`;
}

/** The sums: a sentence, a bar, and a link to what is in each state. */
export function Sums({ promotion, search }: PromotionProps) {
  const { counts, present, now } = promotion;
  const all = Math.max(1, listed(promotion));
  let at = 0;
  const order = [...cellStates].reverse();
  const parts = order.flatMap(({ state }) => {
    const count = counts[state] ?? 0;
    if (count === 0) return [];
    const x = at;
    const width = (1000 * count) / all;
    at += width;
    return [{ state, x, width }];
  });
  return (
    <section id="sums" aria-label="How far it is">
      <p class="figure" id="promotion-status">
        <strong>{statusOf(promotion)}</strong>
        {now === undefined ? "" : ` · ${bytesInWords(now.sent)} sent, ${bytesInWords(now.rate)}/s`}
      </p>
      <svg class="share" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
        {parts.map(({ state, x, width }) => (
          <rect class={state} x={x.toFixed(2)} y="0" height="10" width={width.toFixed(2)} />
        ))}
      </svg>
      <ul class="chips">
        {order.flatMap(({ state }) => {
          const count = counts[state] ?? 0;
          if (count === 0) return [];
          const isShown = search.state === state;
          return [
            <li>
              <a
                href={addressWith(search, { state: isShown ? undefined : state })}
                aria-current={isShown ? "true" : undefined}
              >
                <span class={`cell ${state}`} aria-hidden="true">
                  {signs[state]}
                </span>{" "}
                {inWords(state, promotion)} <strong>{countOf(count)}</strong>
              </a>
            </li>,
          ];
        })}
        {present === 0 ? "" : <li class="quiet">{`as asked ${countOf(present)}, which no row has`}</li>}
      </ul>
    </section>
  );
}

/** Images on their way that are shown. */
const mostImages = 6;

/** What is being copied, and how hosts take it. */
export function Now({ promotion }: Pick<PromotionProps, "promotion">) {
  const { now, mirrors } = promotion;
  if (now === undefined) return <section id="now" hidden />;
  const { hosts, more } = now;
  const rateOf = (image: (typeof now.images)[number]): number =>
    image.destinations.reduce((sum, { rate }) => sum + rate, 0);
  // What moves is before what waits for a slower host.
  const images = [...now.images].sort((one, other) => rateOf(other) - rateOf(one));
  const names = mirrors.map(({ name }) => name);
  const short = shortNames(names);
  /** The mirror that a repository is at. */
  const mirrorOf = (repository: string): string => {
    const number = names.findIndex((name) => repository === name || repository.startsWith(`${name}/`));
    return short[number] ?? repository;
  };
  return (
    <section id="now" aria-labelledby="now-title">
      <h2 id="now-title">Being copied now</h2>
      <div class="side-by-side">
        <div class="broad">
          {images.length === 0 ? (
            <p class="empty">Nothing at this moment.</p>
          ) : (
            <ul class="under-way">
              {images.slice(0, mostImages).map(({ name, digest, destinations }) => {
                const [done, total, rate] = (["done", "total", "rate"] as const).map((of) =>
                  destinations.reduce((sum, each) => sum + each[of], 0),
                );
                return (
                  <li>
                    <span class="named" title={digest}>
                      {name}
                    </span>
                    <progress
                      max={Math.max(1, total ?? 1)}
                      value={done}
                      aria-label={`${name}: ${bytesInWords(done ?? 0)} of ${bytesInWords(total ?? 0)}`}
                    />
                    <span class="quiet">
                      {`${bytesInWords(done ?? 0)} of ${bytesInWords(total ?? 0)}, ${bytesInWords(rate ?? 0)}/s`}
                    </span>
                    <span class="to">
                      {destinations.slice(0, 30).map((each) => (
                        <span title={each.name}>
                          {`${mirrorOf(each.name)} ${each.total === 0 ? "…" : `${Math.floor((100 * each.done) / each.total)}\u202f%`}`}
                        </span>
                      ))}
                    </span>
                  </li>
                );
              })}
            </ul>
          )}
          {images.length + more > mostImages ? (
            <p class="quiet">{`${countOf(images.length + more - mostImages)} more on their way.`}</p>
          ) : (
            ""
          )}
        </div>
        {hosts.length === 0 ? (
          ""
        ) : (
          <section class="scroll broad" aria-label="Hosts: table" tabindex={0}>
            <table class="dense">
              <thead>
                <tr>
                  <th scope="col">Host</th>
                  <th scope="col" class="number">
                    Sent
                  </th>
                  <th scope="col" class="number">
                    Per second
                  </th>
                  <th scope="col" class="number">
                    Read
                  </th>
                  <th scope="col">How it is</th>
                </tr>
              </thead>
              <tbody>
                {hosts.map(({ host, sent, rate, read, waits, retry }) => (
                  <tr>
                    <th scope="row">{host}</th>
                    <td class="number">{bytesInWords(sent)}</td>
                    <td class="number">{bytesInWords(rate)}</td>
                    <td class="number">{bytesInWords(read)}</td>
                    <td>
                      {waits === undefined ? (
                        ""
                      ) : waits.until === undefined ? (
                        <span class="state held">{`does not answer: ${waits.reason}`}</span>
                      ) : (
                        <span class="state waiting">
                          {`wants a pause: ${waits.reason}; until `}
                          <Time at={waits.until} />
                        </span>
                      )}
                      {retry === undefined ? (
                        ""
                      ) : (
                        <span class="state retrying">{`retrying ${retry.attempt}/${retry.of}: ${retry.reason}`}</span>
                      )}
                      {waits === undefined && retry === undefined ? <span class="quiet">answers</span> : ""}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </div>
    </section>
  );
}

/** What problems come from, each with the way out. */
export function Causes({ promotion, search }: PromotionProps) {
  const { causes, isWhole } = promotion;
  return (
    <section id="causes" aria-labelledby="causes-title">
      <h2 id="causes-title">What is wrong, by its cause</h2>
      {causes.length === 0 ? (
        <p class="empty">{isWhole ? "Nothing." : "Nothing so far."}</p>
      ) : (
        <ul class="causes">
          {causes.slice(0, 50).map(({ state, host, message, hint, count, places, more }) => (
            <li>
              <p>
                <span class="state failure">{state}</span>{" "}
                <strong>{`${countOf(count)} ${count === 1 ? "edge" : "edges"}${host === undefined ? "" : ` at ${host}`}`}</strong>
                {`: ${message}`}
              </p>
              {hint === undefined ? "" : <p class="way-out">{`What to do: ${hint}`}</p>}
              <ul>
                {places.map(({ what, others, at, detail }) => (
                  <li>
                    <code>{what}</code>
                    {others === 0 ? "" : ` and ${countOf(others)} more`}
                    {detail === undefined ? "" : `: ${detail}`}
                    {at === undefined ? "" : <span class="below">{at}</span>}
                  </li>
                ))}
                {more === 0 ? (
                  ""
                ) : (
                  <li>
                    <a
                      href={addressWith(search, { state: "problem", order: "worst" })}
                    >{`and ${countOf(more)} more`}</a>
                  </li>
                )}
              </ul>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
