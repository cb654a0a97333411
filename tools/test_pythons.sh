#!/usr/bin/env bash
# Run the README's two commands with each Python that is found.
#
#   bash tools/test_pythons.sh            Python 3.11 to 3.14
#   bash tools/test_pythons.sh 3.13      one of them
#
# pyenv's Pythons are found, too. Each gets a fresh environment in a temporary folder, and
# PyTorch as pip chooses it: on Linux that is a build of some gigabytes, except where
# PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS lead to PyTorch's CPU build.
# NEWEST=1 leaves out constraints.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
export MPLBACKEND=agg

# Print the path of a Python of this version.
find_python() {
    local path
    for path in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python "$(command -v "python$1")"; do
        if [ -x "$path" ] && "$path" --version | grep -q "^Python $1\."; then
            echo "$path"
            return
        fi
    done
}

# shellcheck disable=SC2016
mapfile -t commands < <(sed -n '/^```bash$/,/^```$/p' README.md | grep 'pip install')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
[ $# -gt 0 ] || set -- 3.11 3.12 3.13 3.14
for version in "$@"; do
    path=$(find_python "$version")
    if [ -z "$path" ]; then
        echo "Python $version: not found"
        continue
    fi
    "$path" -m venv "$scratch/$version"
    # shellcheck source=/dev/null
    source "$scratch/$version/bin/activate"
    for command in "${commands[@]}"; do
        [ -z "${NEWEST:-}" ] || command=${command//-c constraints.txt /}
        if bash -euo pipefail -c "$command"; then
            echo "Python $version: passed: $command"
        else
            echo "Python $version: FAILED: $command"
            failed=1
        fi
    done
    python -m pip freeze | grep -E '^(anndata|numpy|pandas|scikit-learn|scipy|torch)==' || true
    deactivate
    rm -rf "${scratch:?}/$version"
done
exit "$failed"
