#!/usr/bin/env bash
# Two images, from a commit to production, on one machine: built by Buildah from Cloud Build files, pushed to the embedded
# registry and to docker-registry, merged into promoter manifests, promoted, verified, and asked where they come from.
# Needs git, buildah, docker-registry and skopeo. Everything happens in a temporary folder, which is gone afterwards.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
read -ra waybill <<<"${WAYBILL:-waybill}"
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '$ waybill %s\n' "$*"; "${waybill[@]}" "$@"; }
free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });'
}
wait_for() { for _ in $(seq 200); do curl -fsS "http://$1/v2/" >/dev/null 2>&1 && return; sleep 0.05; done; return 1; }

say "A checkout of the project, with a tag"
mkdir "$work/apisnoop" && cp -R "$here/apps" "$work/apisnoop"
cd "$work/apisnoop"
git init -q -b main
git remote add origin https://github.com/cncf/apisnoop
git add .
git -c user.name=Somebody -c user.email=somebody@example.com commit -q -m 'Ready for a release'
git tag v0.1.0
git log --oneline --decorate

say "Registries: staging is the embedded one, production a docker-registry and another embedded one"
staging=127.0.0.1:$(free_port) production=127.0.0.1:$(free_port) mirror=127.0.0.1:$(free_port)
cat >"$work/registry.yml" <<YAML
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $work/production } }
http: { addr: "$production", secret: example }
YAML
docker-registry serve "$work/registry.yml" 2>/dev/null &
"${waybill[@]}" registry serve --dir "$work/mirror" --listen "$mirror" >/dev/null &
wait_for "$production"
wait_for "$mirror"
export WAYBILL_DATA=$work/data WAYBILL_CONFIG=$work/waybill.yaml
cat >"$WAYBILL_CONFIG" <<YAML
# Staging is called what the manifests call it, and is on this machine.
locations:
  - repository: gcr.io/k8s-staging-apisnoop
    at: $staging/k8s-staging-apisnoop
destinations:
  example:
    source: gcr.io/k8s-staging-{name}
    folder: k8s-staging-{name}
    registries:
      - $production/{name}
      - $mirror/{name}
YAML

say "What a build would do"
export PULL_BASE_REF=main
image_builder=(--project=k8s-staging-apisnoop --scratch-bucket=gs://k8s-staging-apisnoop-gcb --env-passthrough=PULL_BASE_REF)
run build "${image_builder[@]}" --engine buildah --dry-run apps/snoopdb

say "Both images, into the embedded registry"
run build "${image_builder[@]}" --engine buildah --job push-snoopdb apps/snoopdb
run build "${image_builder[@]}" --engine buildah --job push-auditlogger apps/auditlogger

say "The same into docker-registry, under tags that can be made again"
run build "${image_builder[@]}" --engine buildah --push-to "$production/staging" --date commit --job push-elsewhere apps/snoopdb
run build "${image_builder[@]}" --engine buildah --push-to "$production/staging" --date commit --job push-elsewhere apps/auditlogger

say "What has been run"
run runs

say "A place for the project among the promoter manifests"
mkdir -p "$work/manifests"
run merge new-project apisnoop "$work/manifests" --owner somebody

say "Exactly what the runs built goes into the manifest"
"${waybill[@]}" registry serve --dir "$WAYBILL_DATA/registry" --listen "$staging" >/dev/null &
wait_for "$staging"
run merge "$work/manifests" --from-run push-snoopdb
run merge "$work/manifests" --from-run push-auditlogger
cat "$work/manifests/images/k8s-staging-apisnoop/images.yaml"
run check "$work/manifests"

say "Into production, to both registries"
run promote "$work/manifests" --confirm
run verify "$work/manifests"

say "What production holds is what was promoted, byte for byte"
tag=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).tag' \
  "$WAYBILL_DATA/logs/push-snoopdb/$(cat "$WAYBILL_DATA/logs/push-snoopdb/latest-build.txt")/artifacts/images.json")
for image in snoopdb auditlogger; do
  for registry in "$production" "$mirror"; do
    digest=sha256:$(skopeo inspect --tls-verify=false --raw "docker://$registry/apisnoop/$image:$tag" | sha256sum | cut -d' ' -f1)
    grep -q "$digest" "$work/manifests/images/k8s-staging-apisnoop/images.yaml"
    printf '%s/apisnoop/%s:%s@%s is in images.yaml\n' "$registry" "$image" "$tag" "$digest"
  done
done

say "Where an image in production comes from"
run inspect --provenance --manifests "$work/manifests" "$production/apisnoop/snoopdb:$tag"
