#!/usr/bin/env bash
# ci.sh SHARED: runs test.sh on twelve photographs of each class in SHARED/data/photos. It skips, with a message, if there
# are no photographs or Slurm is not installed.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 2; }
model=$1/models/vit_tiny_patch16_224_cls.onnx
[ -e "$model" ] && [ -e "$1/data/photos" ] || { echo "skipped: no encoder or no photographs in $1"; exit 0; }
model=$(realpath "$model") photos=$(realpath "$1/data/photos")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for class in "$photos"/*/; do
  folder=$work/photos/$(basename "$class")
  mkdir -p "$folder"
  find "$class" -type f | sort | head -n 12 | xargs -d '\n' ln -s -t "$folder"
done
go build -o "$work/pipeline" ./pipeline
scripts/slurm/test.sh "$work/pipeline" "$work/photos" "$model" --resize 248 --crop 224 --mean 0.5 --std 0.5 || {
  code=$?
  [ "$code" = 77 ] || exit "$code"
  echo "skipped"
}
