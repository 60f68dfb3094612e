#!/bin/sh
# Put the environment in place: `scripts/setup.sh runtime` or `scripts/setup.sh dev`.
#
# Needs a shell, Python 3.11 to 3.13 and pip; works as root or not, inside an externally managed Python or not (nothing is
# installed outside .venv and .tools). What is in place already is left alone: the second call takes a few milliseconds.
# PYTHON names the interpreter to use; UV the uv to use.
set -eu
cd "$(dirname "$0")/.."
kind=$1

fail() {
    echo "setup: $1" >&2
    exit 1
}

suits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

chosen_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "Muelle needs Python 3.11, 3.12 or 3.13, and none of '${PYTHON:-python3 python3.13 python3.12 python3.11}' is one.
       Install one, or name it: make setup PYTHON=/path/to/python3.12"
}

# What the environment is made from: if any of this changes, it is brought up to date. The path is part of it because the
# source is installed in place.
fingerprint() {
    {
        pwd -P
        echo "${PYTHON:-}"
        cat locks/*.txt pyproject.toml packs/*/pyproject.toml 2>/dev/null || true
    } | cksum
}

in_place() { # $1: runtime or dev
    test -f ".venv/.$1" && test "$(cat ".venv/.$1")" = "$print" && suits .venv/bin/python
}

# A uv from elsewhere is used if it works; otherwise the one that the lock names goes into .tools, which needs neither a
# virtual environment nor any right to change the interpreter's own packages.
chosen_uv() {
    for candidate in "${UV:-uv}" .tools/bin/uv; do
        if "$candidate" --version >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    "$python" -m pip --version >/dev/null 2>&1 || fail "neither uv nor pip is here; install pip for $python, or uv."
    PIP_USER=0 PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-input \
        --upgrade ${no_home:+--no-cache-dir} \
        --require-hashes --requirement locks/uv.txt --target .tools >&2
    echo .tools/bin/uv
}

make_venv() {
    if test -n "${PYTHON:-}" && test "$("$python" -V)" != "$(.venv/bin/python -V 2>&1)"; then
        "$uv" venv --quiet --clear --python "$python" .venv
    elif ! suits .venv/bin/python; then
        "$uv" venv --quiet --clear --python "$python" .venv
    fi
}

# The source is built with the locked hatchling that is already there, so nothing unlocked is fetched. Bytecode is
# written now, for starting up quickly is a feature.
fill_venv() {
    "$uv" pip sync --quiet --require-hashes --compile-bytecode --python .venv/bin/python "locks/$kind.txt"
    set -- --editable .
    # Packs come along where they are developed; who only runs Muelle installs those that they want.
    for pack in packs/*/pyproject.toml; do
        if test "$kind" = dev && test -f "$pack"; then
            set -- "$@" --editable "$(dirname "$pack")"
        fi
    done
    "$uv" pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python "$@"
}

print=$(fingerprint)
if in_place "$kind" || in_place dev; then
    exit 0
fi
if test -f .venv/.dev; then
    kind=dev # an environment for development stays one
fi

# What a shell or a machine has set for other projects must not reach into this one.
unset VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME UV_SYSTEM_PYTHON UV_PROJECT_ENVIRONMENT UV_FIND_LINKS
no_home=
if ! test -w "${HOME:-/nonexistent}"; then
    no_home=yes
    UV_CACHE_DIR=${UV_CACHE_DIR:-$(pwd -P)/.tools/cache}
    export UV_CACHE_DIR
fi
python=$(chosen_python)
uv=$(chosen_uv)
echo "Installing Muelle ($kind) into .venv …"
make_venv
rm -f .venv/.runtime .venv/.dev
fill_venv
.venv/bin/python -m compileall -q $(ls -d src packs/*/src 2>/dev/null)
echo "$print" >".venv/.$kind"
