#!/usr/bin/env bash
# ci.sh: checks the Dockerfile with BuildKit's parser and linter, then builds the image and starts it once if buildah or podman can run
# and the base images can be pulled. Otherwise it says so.
set -euo pipefail
cd "$(dirname "$0")/../.."
go -C scripts/container/check run . ../../../Dockerfile
for engine in podman buildah; do
  command -v "$engine" >/dev/null || continue
  if timeout 60 "$engine" pull -q docker.io/library/debian:bookworm-slim >/dev/null 2>&1; then
    "$engine" build -t iconic:ci .
    [ "$engine" = podman ] && podman run --rm iconic:ci --help >/dev/null
    echo "image built with $engine"
    exit 0
  fi
  echo "skipped the build: $engine cannot pull debian:bookworm-slim here"
  exit 0
done
echo "skipped the build: neither podman nor buildah is installed"
