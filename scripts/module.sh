#!/usr/bin/env bash
# module.sh PATH: changes the module path, to host the project elsewhere: in go.mod, in every import, in the nested modules
# and in the documents. Run it in a clean tree; `git diff` shows the changes.
set -euo pipefail
[ $# = 1 ] && [ -n "$1" ] || { sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 2; }
path=$1
cd "$(dirname "$0")/.."
[[ $path =~ ^[a-z0-9.-]+(/[A-Za-z0-9._~-]+)*$ ]] || { echo "module path $path: want something like example.com/name/iconic" >&2; exit 2; }
[ -z "$(git status --porcelain)" ] || { echo "the working tree has changes: commit them first, so that the renaming can be reviewed and undone" >&2; exit 1; }
old=$(go list -m)
[ "$old" != "$path" ] || exit 0
quoted=$(printf %s "$old" | sed 's/[.[\*^$/]/\\&/g') replacement=$(printf %s "$path" | sed 's/[&|\\]/\\&/g')

# Only import declarations are rewritten; build commands and module lines have no quotes. Other strings that begin with the old path, such
# as the name of a folder in the user's cache, are not in import declarations and stay unchanged.
git ls-files -z '*.go' | xargs -0 go run ./scripts/module "$old" "$path"
git ls-files -z 'go.mod' '*/go.mod' | xargs -0 sed -i "s|^module $quoted\(/.*\)\{0,1\}\$|module $replacement\1|; s|^\(replace \)\{0,1\}$quoted |\1$replacement |"
go build ./... && go vet ./...
echo "the module is now $path; commit it"
