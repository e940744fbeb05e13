# Sourced by ./demo and ./check: installs this project and the requested extras into .venv.
#
#   prepare EXTRA...    installs what is missing; the commands are then in $root/.venv/bin
#
# Debian packages are installed as root or with sudo without a password. Otherwise the script prints the command that
# installs them, and ends with status 1. pip is used as it is configured on this machine.
# With LOCKED=1, as in CI, the packages are those of requirements/ci.txt; otherwise the newest that setup.cfg allows, so
# that a new release that breaks something is noticed here and not by those who install with pip.
# PYTHON names an interpreter other than python3 (3.10 or newer; the embedded store needs 3.11).

root=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
base=${PYTHON:-python3}

stop() { printf '%s\n' "$@" >&2; exit 1; }

# Prints the Debian packages that are missing: py-tlsh, our own kernels (and pdqhash for the tests) are compiled, OpenCV's
# wheel loads libGL and GLib, Debian packages the pip of new environments separately, and the tests of the pages (extra
# `test`) look at them with Chromium, or with the browser that QUAID_TEST_BROWSER names.
missing_packages() {
    command -v g++ >/dev/null || echo g++
    case " $* " in
        *" test "*) [ -n "${QUAID_TEST_BROWSER:-}" ] || command -v chromium-headless-shell chromium >/dev/null || echo chromium-headless-shell ;;
    esac
    "$base" - <<'PROBE'
import ctypes
import importlib.util
import os
import sysconfig


def loads(library):
    try:
        return bool(ctypes.CDLL(library))
    except OSError:
        return False


for package, there in {
    "python3-dev": os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")),
    "python3-venv": importlib.util.find_spec("ensurepip") is not None,
    "libgl1": loads("libGL.so.1"),
    "libglib2.0-0": loads("libgthread-2.0.so.0"),
}.items():
    if not there:
        print(package)
PROBE
}

install_packages() {
    local install="apt-get install --yes --no-install-recommends $*" as_root=
    command -v apt-get >/dev/null ||
        stop "Missing: $* (Debian's names). Install them with this system's package manager, then run $0 again."
    local line="    apt-get update && $install"
    if [ "$(id -u)" != 0 ]; then
        as_root="sudo -n"
        $as_root true 2>/dev/null || stop "Some Debian packages are missing. Run this line as root, then $0 again:" "" "$line" ""
    fi
    echo "Installing Debian packages: $*" >&2
    { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive $install -qq; } </dev/null >/dev/null ||
        stop "The Debian packages could not be installed. Run this line as root, then $0 again:" "" "$line" ""
}

# Installs exactly the files whose hashes requirements/ holds, and this project.
locked_install() {
    local pip=("$root/.venv/bin/pip" install --quiet --disable-pip-version-check)
    "${pip[@]}" --require-hashes --requirement "$root/requirements/build.txt" &&
        "${pip[@]}" --require-hashes --no-build-isolation --requirement "$root/requirements/ci.txt" &&
        "${pip[@]}" --no-deps --no-build-isolation --editable "$root"
}

prepare() {
    "$base" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
        stop "$base is missing or older than Python 3.10. Install python3, or name another one: PYTHON=/path/to/python3 $0"

    # An environment stays good as long as what it was made from is the same: this folder, this Python, these requirements.
    local made installed extra extras=() missing
    made="$root $("$base" -c 'import sys; print(sys.executable, *sys.version_info[:2])')"
    installed="$made $(cat "$root/setup.cfg" "$root/setup.py" "$root/pyproject.toml" "$root"/core/native.h "$root"/core/*/*.c ${LOCKED:+"$root"/requirements/*.txt} | sha256sum)"
    for extra in "$@"; do
        [ "$(cat "$root/.venv/$extra.installed" 2>/dev/null)" = "$installed" ] || extras+=("$extra")
    done
    [ ${#extras[@]} = 0 ] && return

    missing=$(missing_packages "$@" | tr '\n' ' ')
    if [ -n "$missing" ]; then
        install_packages $missing
        missing=$(missing_packages "$@" | tr '\n' ' ')
        [ -z "$missing" ] || stop "$base still lacks what these packages bring: $missing. Debian's own Python has it: PYTHON=/usr/bin/python3 $0"
    fi
    echo "Installing Python packages into .venv; the first time takes a minute or two" >&2
    if [ "$(cat "$root/.venv/made" 2>/dev/null)" != "$made" ]; then
        "$base" -m venv --clear "$root/.venv" || exit 1
        printf '%s' "$made" >"$root/.venv/made"
    fi
    if [ -n "${LOCKED:-}" ]; then
        locked_install </dev/null >&2 || exit 1
    else
        "$root/.venv/bin/pip" install --quiet --disable-pip-version-check --use-pep517 --editable "$root[$(IFS=,; echo "$*")]" </dev/null >&2 || exit 1
    fi
    for extra in "$@"; do printf '%s' "$installed" >"$root/.venv/$extra.installed"; done
}
