import { type DemoArchitecture, printingExecutable } from "./executable.ts";

const images = ["hello", "worker"];
const architectures: readonly DemoArchitecture[] = ["amd64", "arm64"];

/**
 * A small project that makes two images: programs of a few hundred bytes, so that they are real ones without a compiler, and files that
 * say how they are built.
 */
export function projectFiles(): ReadonlyMap<string, string | Buffer> {
  const files = new Map<string, string | Buffer>([
    [
      "README.md",
      "# app\n\nTwo images, `hello` and `worker`. Push a tag that begins with v, and they are built.\n",
    ],
    ["cloudbuild.yaml", cloudBuildFile()],
  ]);
  for (const image of images) {
    files.set(
      `${image}/Dockerfile`,
      [
        "FROM scratch",
        "ARG TARGETARCH",
        "ARG VERSION",
        "LABEL org.opencontainers.image.version=$VERSION",
        "COPY notice /etc/notice",
        `COPY ${image}-$TARGETARCH /${image}`,
        "USER 65532",
        `ENTRYPOINT ["/${image}"]`,
        "",
      ].join("\n"),
    );
    files.set(`${image}/notice`, "a layer that all images of the project share\n");
    for (const architecture of architectures) {
      const text = `this is ${image} on linux/${architecture}\n`;
      files.set(`${image}/${image}-${architecture}`, printingExecutable(architecture, text));
    }
  }
  return files;
}

function cloudBuildFile(): string {
  const platforms = architectures.map((architecture) => `linux/${architecture}`).join(",");
  const lines = images.flatMap((image) => [
    `- id: ${image}`,
    "  name: gcr.io/cloud-builders/docker",
    "  args:",
    ...["buildx", "build", "--platform", platforms, "--build-arg", "VERSION=$TAG_NAME"].map(argument),
    ...["-t", `gcr.io/$PROJECT_ID/${image}:$TAG_NAME`, `./${image}`].map(argument),
  ]);
  const named = images.map((image) => `- gcr.io/$PROJECT_ID/${image}:$TAG_NAME`);
  return ["steps:", ...lines, "images:", ...named, ""].join("\n");
}

function argument(word: string): string {
  return `  - ${JSON.stringify(word)}`;
}

/** What jobs do with the two repositories of the forge. */
export function jobFile(at: {
  readonly project: string;
  readonly manifests: string;
  readonly staging: string;
}): string {
  return `jobs:
- name: build-app
  description: builds each tag of the project, with no program but Waybill
  repo: ${at.project}.git
  triggers: { branch: ^v }
  build: { dir: ., engine: scratch, project: k8s-staging-app, pushTo: ${at.staging} }
- name: propose-app
  description: proposes what was built for promotion, as a pull request that is held
  repo: ${at.project}.git
  after: [build-app]
  propose: { from: build, repo: '${at.manifests}', manifests: ., staging: ${at.staging}, project: app }
- name: review
  description: says under a pull request what merging it would do
  repo: ${at.manifests}.git
  pullRequest: {}
  review: { manifests: ., requireApproval: true }
- name: promote
  description: brings production to what is merged
  repo: ${at.manifests}.git
  triggers: { branch: ^main$ }
  promote: { manifests: . }
`;
}

/** What the server is told beside its jobs: where its forge is, and who may do what. */
export function settingsFile(
  forge: { readonly host: string; readonly url: string },
  visitor: string,
): string {
  return `forges:
  "${forge.host}": { kind: gitea }
serve:
  listen: 127.0.0.1:0
  data: data
  jobs: jobs
  webhooks:
    forge: [{ file: secrets/webhook }]
  access:
    login:
      forge: { kind: openid, issuer: "${forge.url}", clientId: waybill, clientSecretFile: secrets/login }
    roles:
      admin: { users: [${visitor}] }
`;
}
