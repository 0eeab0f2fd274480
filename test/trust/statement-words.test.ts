import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf, mediaTypes } from "../../src/oci/index.ts";
import { formatOf, isBundleType, mostTellingFirst, sbomPredicate } from "../../src/trust/formats.ts";
import { statementInWords } from "../../src/trust/statement-words.ts";

const told = (predicateType: string, predicate: unknown, subjects = [{ digest: {} }]) =>
  statementInWords({ predicateType, predicate, subjects });

describe("a statement in words", () => {
  it("says the few facts that people look for", () => {
    expect(
      told("https://slsa.dev/verification_summary/v1", {
        verifier: { id: "https://k8s.io/promo-tools/verifier/v1" },
        verificationResult: "PASSED",
        verifiedLevels: ["SLSA_BUILD_LEVEL_3", "K8S_PROMOTION_MANIFEST_REVIEWED"],
        policy: { uri: "git+https://github.com/kubernetes/k8s.io#m" },
      }),
    ).toEqual({
      what: "verification summary",
      says: {
        verifier: "https://k8s.io/promo-tools/verifier/v1",
        result: "PASSED",
        levels: "SLSA_BUILD_LEVEL_3, K8S_PROMOTION_MANIFEST_REVIEWED",
        policy: "git+https://github.com/kubernetes/k8s.io#m",
      },
    });
    expect(
      told("https://k8s.io/promo-tools/promotion/v1", {
        srcRef: "gcr.io/k8s-staging-a/b@sha256:1",
        dstRef: "registry.k8s.io/a/b",
        tags: ["v1", "v2"],
      }),
    ).toEqual({
      what: "promotion record",
      says: { from: "gcr.io/k8s-staging-a/b@sha256:1", to: "registry.k8s.io/a/b", tags: "v1, v2" },
    });
    expect(told("https://spdx.dev/Document/v2.3", { packages: [{}, {}] })).toEqual({
      what: "SBOM (SPDX)",
      says: { packages: "2" },
    });
    expect(told("https://example.com/own/v1", {})).toEqual({ what: "https://example.com/own/v1", says: {} });
  });

  it("is short, whatever the statement is", () => {
    const types = [
      "https://sigstore.dev/cosign/sign/v1",
      "https://slsa.dev/provenance/v1",
      "https://slsa.dev/verification_summary/v1",
      "https://k8s.io/promo-tools/promotion/v1",
      "https://spdx.dev/Document",
      "https://cyclonedx.org/bom",
      "https://cosign.sigstore.dev/attestation/vuln/v1",
      "https://openvex.dev/ns/v0.2.0",
      "https://in-toto.io/attestation/svr/v0.2",
    ];
    const type = fc.oneof(fc.constantFrom(...types), fc.string({ maxLength: 2000 }));
    const names = ["verifier", "id", "policy", "source", "name", "tags", "scanner", "result", "statements"];
    const key = fc.oneof(fc.constantFrom(...names), fc.string());
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.jsonValue(),
        fc.string({ minLength: 400, maxLength: 900 }),
        fc.dictionary(key, tie("value")),
      ),
    }));
    fc.assert(
      fc.property(type, value, (predicateType, predicate) => {
        const { what, says } = told(predicateType, predicate);
        for (const words of [what, ...Object.values(says)]) expect(words.length).toBeLessThanOrEqual(301);
      }),
    );
  });
});

const descriptor = (mediaType: string) => ({ mediaType, digest: digestOf(Buffer.from(mediaType)), size: 1 });

describe("what is attached", () => {
  it("is known by its own types, in all spellings", () => {
    const of = (artifactType: string | undefined, config: string, ...layers: string[]) =>
      formatOf({
        kind: "manifest",
        mediaType: mediaTypes.ociManifest,
        children: [],
        blobs: [config, ...layers].map(descriptor),
        artifactType,
        annotations: {},
      });
    const empty = mediaTypes.ociEmpty;
    const bundles = ["v0.3+json", "+json;version=0.3", "+json;version=0.1"];
    for (const end of bundles) {
      const type = `application/vnd.dev.sigstore.bundle${end.startsWith("v") ? "." : ""}${end}`;
      expect(isBundleType(type)).toBe(true);
      expect(of(type, empty, type)).toBe("sigstore-bundle");
    }
    const notation = "application/vnd.cncf.notary.signature";
    expect(of(notation, empty, "application/cose")).toBe("notation");
    expect(of(undefined, notation, "application/jose+json")).toBe("notation");
    const tried = (kind: string) => `application/vnd.dev.cosign.artifact.${kind}.v1+json`;
    expect(of(undefined, tried("sbom"), "text/spdx+json")).toBe("cosign-sbom");
    expect(of(tried("sig"), empty)).toBe("cosign-signature");
    expect(of(undefined, empty, "application/vnd.dsse.envelope.v1+json")).toBe("cosign-attestation");
    expect(of("application/vnd.in-toto+json", empty)).toBe("in-toto");
    expect(of("application/vnd.cyclonedx+json", empty)).toBe("sbom");
    expect(of("application/vnd.example", empty, "text/plain")).toBe("unknown");
    expect(sbomPredicate("application/vnd.syft+json; charset=utf-8")).toBe("https://syft.dev/bom");
  });

  it("is read in the order of what it says that it is, and stays in its own order otherwise", () => {
    const entry = (name: string, artifactType?: string, predicate?: string) => ({
      ...descriptor(name),
      artifactType,
      annotations: predicate === undefined ? undefined : { "dev.sigstore.bundle.predicateType": predicate },
    });
    const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    const sorted = mostTellingFirst([
      entry("other", "text/plain"),
      entry("untold", mediaTypes.ociEmpty),
      entry("sbom", "application/spdx+json"),
      entry("bundle", bundle),
      entry("own", bundle, "https://example.com/own"),
      entry("slsa", bundle, "https://slsa.dev/provenance/v1"),
    ]);
    const names = ["slsa", "bundle", "own", "sbom", "untold", "other"];
    expect(sorted.map(({ mediaType }) => mediaType)).toEqual(names);
  });
});
