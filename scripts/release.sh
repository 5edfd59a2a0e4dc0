#!/usr/bin/env bash
# release.sh [VERSION]: the command for each system that this machine can compile it for, packed into dist/ with
# SHA256SUMS and a CycloneDX list of what is inside (sbom.cdx.json). VERSION is `git describe` where it isn't given.
#
# The ONNX Runtime binding is cgo, so each target wants a C compiler: CC_linux_amd64, CC_linux_arm64, CC_darwin_arm64 name
# them; without, the usual names are tried. A target without a compiler is passed over and named.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-$(git describe --tags --always --dirty)}
sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

rm -rf dist
mkdir -p dist
built=0 passed=()

# compiler SYSTEM PROCESSOR: a C compiler for that target, or nothing.
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
  # Sorted names, no owners and the commit's time: the same commit packs to the same bytes.
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -C dist -cf - "$name" | gzip -n >"dist/$name.tar.gz"
  rm -r "dist/${name:?}"
  echo "dist/$name.tar.gz"
  built=$((built + 1))
done
[ "$built" -gt 0 ] || { echo "no C compiler for any target was found: install one, or name it in CC_linux_amd64" >&2; exit 1; }

go run "$sbom" app -json -licenses -main pipeline -output dist/sbom.cdx.json . 2>dist/sbom.log || { cat dist/sbom.log >&2; exit 1; }
rm dist/sbom.log
(cd dist && sha256sum -- *.tar.gz sbom.cdx.json >SHA256SUMS)
echo "dist/sbom.cdx.json, dist/SHA256SUMS"
[ ${#passed[@]} = 0 ] || echo "passed over for want of a C compiler: ${passed[*]}"
