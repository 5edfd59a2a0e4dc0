#!/usr/bin/env bash
# release.sh [VERSION]: builds the command for each system that this machine can compile for, and packs it into dist/ with
# SHA256SUMS and a CycloneDX SBOM (sbom.cdx.json). VERSION defaults to `git describe`.
#
# The ONNX Runtime binding uses cgo, so each target needs a C compiler. CC_linux_amd64, CC_linux_arm64 and CC_darwin_arm64 name
# the compilers; by default the usual names are tried. Targets without a compiler are skipped and listed.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-$(git describe --tags --always --dirty)}
sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

rm -rf dist
mkdir -p dist
built=0 passed=()

# compiler SYSTEM ARCHITECTURE: prints a C compiler for that target, or nothing.
compiler() {
  local variable=CC_$1_$2 candidates=()
  if [ -n "${!variable:-}" ]; then
    echo "${!variable}"
    return
  fi
  [ "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" = "$1/$2" ] && candidates+=(cc gcc clang)
  case $1/$2 in
    linux/amd64) candidates+=(x86_64-linux-gnu-gcc) ;;
    linux/arm64) candidates+=(aarch64-linux-gnu-gcc) ;;
    darwin/arm64) candidates+=(oa64-clang) ;;
  esac
  for candidate in "${candidates[@]}"; do
    if command -v "$candidate" >/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

for target in linux/amd64 linux/arm64 darwin/arm64; do
  system=${target%/*} processor=${target#*/}
  cc=$(compiler "$system" "$processor")
  if [ -z "$cc" ]; then
    passed+=("$target")
    continue
  fi
  name=iconic-$version-$system-$processor
  mkdir -p "dist/$name"
  CGO_ENABLED=1 GOOS=$system GOARCH=$processor CC=$cc go build -tags clouds -trimpath -ldflags '-s -w' -o "dist/$name/pipeline" ./pipeline
  cp LICENSE README.md CHANGELOG.md "dist/$name/"
  # Sorted names, no owners and the commit's time, so that the same commit gives the same bytes.
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -C dist -cf - "$name" | gzip -n >"dist/$name.tar.gz"
  rm -r "dist/${name:?}"
  echo "dist/$name.tar.gz"
  built=$((built + 1))
done
[ "$built" -gt 0 ] || { echo "no C compiler was found for any target: install one, or name it in CC_linux_amd64" >&2; exit 1; }

go run "$sbom" app -json -licenses -main pipeline -output dist/sbom.cdx.json . 2>dist/sbom.log || { cat dist/sbom.log >&2; exit 1; }
rm dist/sbom.log
(cd dist && sha256sum -- *.tar.gz sbom.cdx.json >SHA256SUMS)
echo "dist/sbom.cdx.json, dist/SHA256SUMS"
[ ${#passed[@]} = 0 ] || echo "skipped for lack of a C compiler: ${passed[*]}"
