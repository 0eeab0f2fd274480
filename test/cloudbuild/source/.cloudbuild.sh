#!/bin/sh
set -e
echo "building $GIT_TAG of $PULL_BASE_REF"
docker buildx build --push --tag "$REGISTRY_NAME/otter:$GIT_TAG" .
