import type { Child } from "hono/jsx";
import { pageOfRepository } from "./links.tsx";

/**
 * A page of a repository's own forge, as a link: made of addresses that were taken apart, and of the same host alone. What is
 * none is shown as text.
 */
export function OnForge({
  repo,
  page,
  children,
}: {
  readonly repo: string;
  readonly page: string;
  readonly children?: Child;
}) {
  const forge = pageOfRepository(repo);
  const url = pageOfRepository(page);
  if (forge === undefined || url?.host !== forge.host) return <span title={page}>{children}</span>;
  return (
    <a href={url.href} rel="noreferrer">
      {children}
    </a>
  );
}
