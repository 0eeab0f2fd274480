import { describe, expect, it } from "vitest";
import { parseDigest } from "../../src/oci/index.ts";
import {
  promotionRecord,
  signatureStatement,
  simpleSigningPayload,
  statementBytes,
  verificationSummary,
} from "../../src/signing/index.ts";

const hex = "709e17a9c17018997724ed19afc18dbf576e9af10dfe78c13b34175027916d8f";
const digest = parseDigest(`sha256:${hex}`);
const time = new Date("2026-09-17T07:00:00.750Z");

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

describe("what is signed of an image", () => {
  it("is the statement that cosign 3 signs, byte for byte, with no time in it", () => {
    expect(text(statementBytes(signatureStatement({ digest })))).toBe(
      `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"${hex}"}}],` +
        `"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`,
    );
  });

  it("names the image where it is asked to", () => {
    const statement = signatureStatement({ digest, name: "registry.example.com/app" });
    expect(statement.subject).toEqual([{ name: "registry.example.com/app", digest: { sha256: hex } }]);
  });

  it("is what cosign signed before, byte for byte", () => {
    expect(text(simpleSigningPayload(digest, "registry.example.com/app"))).toBe(
      '{"critical":{"identity":{"docker-reference":"registry.example.com/app"},' +
        `"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"},` +
        '"optional":null}',
    );
  });
});

describe("a promotion record", () => {
  const facts = {
    digest,
    source: "gcr.io/k8s-staging-foo/foo",
    destination: "registry.k8s.io/foo",
    tags: ["v1.0.1", "v1.0.0"],
    time,
    promoter: { uri: "https://k8s.io/promo-tools", version: "v4.6.0", gitCommit: "f".repeat(40) },
    manifest: {
      path: "registry.k8s.io/images/k8s-staging-foo/images.yaml",
      repository: "https://github.com/kubernetes/k8s.io",
      commit: "0123456789abcdef0123456789abcdef01234567",
    },
    job: { name: "post-k8sio-image-promo", type: "postsubmit", buildId: "1968", prowJobId: "0f6d2c4e" },
  };

  it("has the fields that kpromo documents", () => {
    expect(JSON.parse(text(statementBytes(promotionRecord(facts))))).toEqual({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "registry.k8s.io/foo", digest: { sha256: hex } }],
      predicateType: "https://k8s.io/promo-tools/promotion/v1",
      predicate: {
        srcRef: `gcr.io/k8s-staging-foo/foo@${digest}`,
        dstRef: "registry.k8s.io/foo",
        digest,
        timestamp: "2026-09-17T07:00:00Z",
        builderId: "https://k8s.io/promo-tools@v4.6.0",
        tags: ["v1.0.0", "v1.0.1"],
        source: { name: "gcr.io/k8s-staging-foo/foo", digest: { sha256: hex } },
        destination: { name: "registry.k8s.io/foo", digest: { sha256: hex } },
        manifest: {
          name: "registry.k8s.io/images/k8s-staging-foo/images.yaml",
          uri: "git+https://github.com/kubernetes/k8s.io",
          digest: { gitCommit: "0123456789abcdef0123456789abcdef01234567" },
        },
        promoter: { version: "v4.6.0", gitCommit: "f".repeat(40) },
        job: { name: "post-k8sio-image-promo", type: "postsubmit", buildId: "1968", prowJobId: "0f6d2c4e" },
      },
    });
  });

  it("leaves out what nobody knows", () => {
    const { promoter, destination } = facts;
    const record = promotionRecord({
      digest,
      destination,
      time,
      promoter: { uri: promoter.uri, version: "v1" },
      tags: [],
      manifest: { path: "images.yaml" },
    });
    expect(JSON.parse(text(statementBytes(record))).predicate).toEqual({
      dstRef: "registry.k8s.io/foo",
      digest,
      timestamp: "2026-09-17T07:00:00Z",
      builderId: "https://k8s.io/promo-tools@v1",
      destination: { name: "registry.k8s.io/foo", digest: { sha256: hex } },
      manifest: { name: "images.yaml" },
      promoter: { version: "v1" },
    });
  });

  it("is the same for the same facts, in whatever order tags are named", () => {
    const again = promotionRecord({ ...facts, tags: [...facts.tags].reverse() });
    expect(text(statementBytes(again))).toBe(text(statementBytes(promotionRecord(facts))));
  });
});

describe("a verification summary", () => {
  const facts = {
    digest,
    name: "registry.k8s.io/foo",
    verifier: { id: "https://k8s.io/promo-tools/verifier/v1", version: { kpromo: "v4.6.0" } },
    time,
    policy: {
      uri: "git+https://github.com/kubernetes/k8s.io#registry.k8s.io/manifests/foo/promoter-manifest.yaml",
      digest: { gitCommit: "0123456789abcdef0123456789abcdef01234567" },
    },
    isPassed: true,
    levels: ["SLSA_BUILD_LEVEL_1", "K8S_PROMOTION_MANIFEST_REVIEWED"],
    inputs: [{ uri: `gcr.io/k8s-staging-foo/foo@${digest}`, digest: { sha256: hex } }],
  };

  it("says which policy was evaluated on what", () => {
    const { subject, predicateType, predicate } = verificationSummary(facts);
    expect({ subject, predicateType, predicate }).toEqual({
      subject: [{ name: "registry.k8s.io/foo", digest: { sha256: hex } }],
      predicateType: "https://slsa.dev/verification_summary/v1",
      predicate: {
        verifier: { id: "https://k8s.io/promo-tools/verifier/v1", version: { kpromo: "v4.6.0" } },
        timeVerified: "2026-09-17T07:00:00Z",
        resourceUri: `registry.k8s.io/foo@${digest}`,
        policy: facts.policy,
        inputAttestations: facts.inputs,
        verificationResult: "PASSED",
        verifiedLevels: ["SLSA_BUILD_LEVEL_1", "K8S_PROMOTION_MANIFEST_REVIEWED"],
        slsaVersion: "1.0",
      },
    });
  });

  it("claims nothing where the policy was not satisfied", () => {
    expect(verificationSummary({ ...facts, isPassed: false }).predicate).toMatchObject({
      verificationResult: "FAILED",
      verifiedLevels: ["FAILED"],
    });
  });
});
