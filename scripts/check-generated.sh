#!/usr/bin/env bash
# Regenerates the generated files and fails where one of them was not what its generator makes. Compares the working tree
# before and after, through an index of its own, so that changes that are not committed yet do not count as differences.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The working tree as a git tree object; a second call sees what changed since the first.
working_tree() {
  GIT_INDEX_FILE="$scratch/index" git add --all -- .
  GIT_INDEX_FILE="$scratch/index" git write-tree
}

before=$(working_tree)
npm run --silent generate >"$scratch/files"
mapfile -t files < <(grep . "$scratch/files")
if ((${#files[@]} == 0)); then
  echo "\`npm run generate\` printed no file names; expected one generated file a line." >&2
  exit 1
fi
after=$(working_tree)
if ! git diff --exit-code --stat --patch "$before" "$after" -- "${files[@]}"; then
  echo "These generated files were out of date; they are regenerated now. Commit them together with their source." >&2
  exit 1
fi
echo "${#files[@]} generated files are up to date"
