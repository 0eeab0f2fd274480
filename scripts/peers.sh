#!/usr/bin/env bash
# Builds the programs of others that tests of interoperation run, from their Go modules, into a folder. What is there already
# is left; what cannot be built is told, and the others are built: tests skip what is missing.
set -uo pipefail
folder=${1:?the folder to build into}
mkdir -p "$folder" && folder=$(cd "$folder" && pwd) || exit 1
staging=$(mktemp -d "$folder/.building.XXXXXX") || exit 1
trap 'rm -rf "$staging"' EXIT
export GOBIN=$staging GOFLAGS=-trimpath

build() { # name, package@version
  [ -x "$folder/$1" ] && return
  # The program is called as the last part of its package, or as the part before a version.
  if go install "$2"; then mv "$staging"/* "$folder/$1"; else echo "$1 could not be built" >&2; fi
}

build cosign github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
build timestamp-server github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server@v2.1.2
build rekor-server-posix github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0
build fulcio github.com/sigstore/fulcio@v1.8.8
build regctl github.com/regclient/regclient/cmd/regctl@v0.11.7
build oras oras.land/oras/cmd/oras@v1.3.6
