import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Descriptor, digestOf, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Registries } from "../../src/registry/index.ts";
import { outputOf } from "../support/child.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { buildStepRoot } from "../support/step-image.ts";
import { writeFiles } from "../support/tree.ts";

/** Images for the steps of shapes: all one layer, each with the entrypoint that the real image has. */
export interface ShapeImages {
  /** Puts one into a repository of the registry, under a tag; its digest. */
  push(image: string, repository: string, tag: string): Promise<string>;
}

/** Says what it was called with, so that the log shows it, and succeeds. */
function standIn(name: string, more = ""): string {
  return `#!/bin/sh\necho "${name} was called: $*"\n${more}`;
}

/**
 * Programs that a test cannot have. Those that speak to Docker's daemon call `docker`; `go build` leaves a file, and what
 * compiles release tools leaves one that can be run.
 */
const standIns: Readonly<Record<string, string>> = {
  "bin/docker": standIn("docker"),
  "bin/gcloud": standIn("gcloud"),
  "bin/goreleaser": standIn("goreleaser", 'echo "for $GORELEASER_CURRENT_TAG"\n'),
  "bin/cosign": standIn("cosign", 'echo "with TUF_ROOT=$TUF_ROOT"\n'),
  "bin/aws": standIn("aws"),
  "bin/go": standIn(
    "go",
    `while [ $# -gt 0 ]; do
  case "$1" in -o) mkdir -p "\${2%/*}"; echo "a program" > "$2" ;; esac
  shift
done
`,
  ),
  "bin/container-structure-test": standIn("container-structure-test", "docker image inspect examined\n"),
  buildx_entrypoint: standIn("docker", "docker buildx create --use\n"),
  entrypoint: '#!/bin/sh\nexec "$@"\n',
};

/** What images run by themselves; those that are not named run what they are given. */
const entrypoints: Readonly<Record<string, readonly string[]>> = {
  "gcr.io/cloud-builders/docker": ["/usr/bin/docker"],
  "gcr.io/cloud-builders/git": ["git"],
  "gcr.io/cloud-builders/go": ["/bin/go"],
  "gcr.io/gcp-runtimes/container-structure-test": ["/bin/container-structure-test"],
  "gcr.io/projectsigstore/cosign": ["/bin/cosign"],
  "goreleaser/goreleaser": ["/bin/goreleaser"],
  "public.ecr.aws/aws-cli/aws-cli": ["aws"],
  "registry.k8s.io/releng/gcb-docker-gcloud": ["/entrypoint"],
};

/** Repositories that steps clone, instead of those of this name on GitHub. */
const repositories: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  otter: { Dockerfile: "FROM scratch\nCOPY README /\n", README: "An otter.\n" },
  release: {
    "compile-release-tools":
      '#!/bin/sh\nset -e\nmkdir -p "$GOBIN"\nprintf \'#!/bin/sh\\necho "staged $* of $TOOL_ORG/$TOOL_REPO"\\n\' > "$GOBIN/stage"\nchmod +x "$GOBIN/stage"\n',
  },
};

export async function makeShapeImages(
  folder: string,
  address: string,
  registries: Registries,
): Promise<ShapeImages> {
  const { buildx_entrypoint: buildx = "", ...scripts } = standIns;
  const { rootfs } = buildStepRoot(join(folder, "image"), {
    programs: ["bash", "chmod", "date", "echo", "false", "git", "make", "pwd"],
    files: {
      ...scripts,
      "buildx-entrypoint": buildx.replaceAll("docker was called:", "docker was called: buildx"),
      "etc/gitconfig": `[safe]\n\tdirectory = *\n[advice]\n\tdetachedHead = false\n[url "file:///srv/git/"]\n\tinsteadOf = https://github.com/\n`,
    },
  });
  await symlink("git", join(rootfs, "bin/git-upload-pack"));
  await mkdir(join(rootfs, "usr/share/git-core/templates"), { recursive: true });
  for (const [name, files] of Object.entries(repositories)) {
    const repository = await createRepository(join(folder, name));
    await writeFiles(repository.path, files);
    await repository.commit();
    await repository.git("branch", "master");
    const bare = join(rootfs, "srv/git/kubernetes", `${name}.git`);
    await outputOf("git", ["clone", "--quiet", "--bare", repository.path, bare], gitEnvironment);
  }
  const layerFile = join(folder, "layer.tar");
  await outputOf("tar", ["-C", rootfs, "--owner=0", "--group=0", "-cf", layerFile, "."]);
  const bytes = await readFile(layerFile);
  const layer: Descriptor = {
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    digest: digestOf(bytes),
    size: bytes.length,
  };
  const home = registries.repository(parseRepository(`${address}/layers`));
  await home.push(layer, async () => bytes);

  return {
    async push(image, path, tag) {
      const repository = registries.repository(parseRepository(`${address}/${path}`));
      const Entrypoint = entrypoints[image.replace(/@.*$/, "").replace(/:[^:/]*$/, "")];
      const config = Buffer.from(
        JSON.stringify({
          architecture: process.arch === "x64" ? "amd64" : process.arch,
          os: "linux",
          config: {
            Env: ["PATH=/bin"],
            Cmd: ["/bin/sh"],
            ...(Entrypoint === undefined ? {} : { Entrypoint }),
          },
          rootfs: { type: "layers", diff_ids: [layer.digest] },
        }),
      );
      const configDescriptor = {
        mediaType: mediaTypes.ociConfig,
        digest: digestOf(config),
        size: config.length,
      };
      await repository.push(layer, async () => bytes, { mountFrom: home });
      await repository.push(configDescriptor, async () => config, { inMemory: true });
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.ociManifest,
          config: configDescriptor,
          layers: [layer],
        }),
      );
      const digest = digestOf(manifest);
      const descriptor = { mediaType: mediaTypes.ociManifest, digest, size: manifest.length };
      await repository.put({ descriptor, bytes: manifest }, parseTag(tag));
      return digest;
    },
  };
}
