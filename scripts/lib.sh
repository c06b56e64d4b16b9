# shellcheck shell=bash
# Shared by scripts/serve and scripts/test: make what they need, only when it changed. Sourced, not run.

say() { printf '\033[2m›\033[0m %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 2; }

# Run a command quietly; show what it printed only when it fails.
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

fingerprint() { find "$@" -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1; }
is_current() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed; found $(python3 --version 2>/dev/null || echo none)"
}

need_node() {
    command -v node >/dev/null || die "Node.js 20.19 or newer is needed; found none"
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number)
             process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
        die "Node.js 20.19 or newer is needed; found $(node --version)"
    command -v npm >/dev/null || die "npm is needed; it usually comes with Node.js"
}

# setup_python runtime|dev: a virtual environment in .venv from the lock file of that name.
setup_python() {
    local lock="requirements/$1.lock" stamp=".venv/.chatter-$1" python
    [ -n "${SSL_CERT_FILE:-}" ] || [ ! -f /etc/ssl/certs/ca-certificates.crt ] ||
        export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
    local wanted
    # With the folder: commands in .venv name it, so a moved or copied one is made anew.
    wanted="$(fingerprint "$lock" requirements/bootstrap.lock pyproject.toml) $PWD"
    is_current "$stamp" "$wanted" && .venv/bin/python -c '' 2>/dev/null && return
    python=$(find_python)
    if [ "$(cat .venv/.chatter-home 2>/dev/null)" != "$PWD" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        say "Making a Python environment in .venv"
        if ! "$python" -m venv --clear .venv >/dev/null 2>&1; then
            rm -rf .venv # a half-made one would pass for whole next time
            die "$python cannot make environments; on Debian: apt-get install python3-venv"
        fi
        echo "$PWD" >.venv/.chatter-home
    fi
    say "Installing Python packages ($1)"
    quietly .venv/bin/python -m pip install --quiet --require-hashes -r requirements/bootstrap.lock ||
        die "pip could not install requirements/bootstrap.lock; is the package index reachable?"
    quietly .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r "$lock" ||
        die "the packages of $lock could not be installed"
    quietly .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e . ||
        die "the chatter package could not be installed"
    echo "$wanted" >"$stamp"
}

setup_node() {
    local stamp="web/node_modules/.chatter" wanted
    need_node
    wanted=$(fingerprint web/package-lock.json)
    is_current "$stamp" "$wanted" && return
    say "Installing web packages"
    quietly npm --prefix web ci --no-audit --no-fund || die "npm could not install web/package-lock.json"
    echo "$wanted" >"$stamp"
}

build_web() {
    local stamp="web/dist/.chatter" wanted
    wanted=$(fingerprint web/src web/public web/api-docs web/scripts web/index.html web/*.json web/vite.config.ts)
    is_current "$stamp" "$wanted" && return
    setup_node
    say "Building the web client"
    quietly npm --prefix web run build || die "the web client could not be built"
    echo "$wanted" >"$stamp"
}

# Of two that install into this folder at once, one waits.
alone() {
    command -v flock >/dev/null || return 0
    exec 9>.setup-lock
    flock -n 9 || { say "Waiting for another one that installs here"; flock 9; }
}
no_longer_alone() { exec 9>&-; }
