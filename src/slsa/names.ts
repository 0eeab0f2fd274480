/**
 * Whether a repository of source code is the one that a policy names, as SLSA's verifier compares them: `git+` in front, `.git`
 * or `/` behind and the revision behind `@` mean nothing, hosts have no case, and a scheme counts where the policy names one.
 */
export function isSource(expected: string, recorded: string): boolean {
  const want = sourceParts(expected);
  const got = sourceParts(recorded);
  return (
    got.repository !== "" &&
    want.repository === got.repository &&
    (want.scheme === "" || want.scheme === got.scheme)
  );
}

function sourceParts(uri: string): { readonly scheme: string; readonly repository: string } {
  const [, scheme = "", rest = ""] = /^(?:git\+)?(?:([^:/@]*):\/\/)?(.*)$/s.exec(uri.trim()) ?? [];
  const [place = ""] = rest.split("@");
  const [host = "", ...path] = place
    .replace(/\/$/, "")
    .replace(/\.git$/, "")
    .split("/");
  return { scheme: scheme.toLowerCase(), repository: [host.toLowerCase(), ...path].join("/") };
}

/** Whether a builder of a policy is the one that provenance names: without an `@`, at whatever revision. */
export function isBuilder(trusted: string, claimed: string): boolean {
  return claimed === trusted || (!trusted.includes("@") && claimed.startsWith(`${trusted}@`));
}
