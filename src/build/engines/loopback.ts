/**
 * Registries of this machine that texts name, as `host:port`. Docker takes those for registries without TLS; what is read
 * from them does not leave the machine.
 */
export function loopbackHosts(texts: readonly string[]): readonly string[] {
  const hosts = texts.flatMap((text) =>
    Array.from(
      text.matchAll(/(?<![\w.-])(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):\d{1,5}(?=\/)/g),
      ([host]) => host,
    ),
  );
  return [...new Set(hosts)];
}

/** A `registries.conf` (containers-registries.conf(5)) that says so of one of them. */
export function registriesFile(host: string): string {
  return `[[registry]]\nlocation = ${JSON.stringify(host)}\ninsecure = true\n`;
}
