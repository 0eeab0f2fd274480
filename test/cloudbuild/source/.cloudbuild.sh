#!/bin/sh
set -e
echo "building $GIT_TAG of $PULL_BASE_REF for $REGISTRY_NAME"
