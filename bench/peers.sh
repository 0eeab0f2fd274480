#!/usr/bin/env bash
# Builds the peers that `npm run bench` compares Waybill with into a folder: bench/peers.sh FOLDER [NAME…]
#
#   bench/peers.sh ~/peers && npm run bench -- --peers ~/peers
#
# Needs Go 1.26 or later, and nothing but module paths; skopeo, the other peer, comes from a distribution's packages. A
# peer that cannot be built is named at the end, and the others are built all the same. kpromo takes many minutes: it
# brings the client libraries of two clouds and of Sigstore.
set -uo pipefail

if [ $# -eq 0 ]; then
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 1
fi
mkdir -p "$1" || exit 1
folder=$(cd "$1" && pwd)
shift

modules="
crane   github.com/google/go-containerregistry v0.20.7 cmd/crane
regctl  github.com/regclient/regclient         v0.11.1 cmd/regctl
regsync github.com/regclient/regclient         v0.11.1 cmd/regsync
kpromo  sigs.k8s.io/promo-tools/v4             v4.5.1  cmd/kpromo
"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
missing=()
while read -r name module version command; do
  if [ -z "$name" ] || { [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; }; then continue; fi
  printf '== %s %s\n' "$name" "$version"
  # A module of our own that needs just this one: `go install MODULE@VERSION` also asks for the list of all versions,
  # which not every proxy has.
  mkdir "$work/$name" && cd "$work/$name" || exit 1
  printf 'module peer\n\ngo 1.26\n\nrequire %s %s\n' "$module" "$version" >go.mod
  go build -mod=mod -trimpath -o "$folder/$name" "$module/$command" || missing+=("$name")
done <<<"$modules"

if [ ${#missing[@]} -gt 0 ]; then
  printf 'not built: %s\n' "${missing[*]}" >&2
  exit 1
fi
