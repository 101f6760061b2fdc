#!/bin/sh
# Sets up .venv with everything pinned by hash. Safe to repeat: does nothing when nothing has changed.
#   ./setup.sh          what `workbench` needs
#   ./setup.sh test     what the tests need as well
set -eu
cd "$(dirname "$0")"
set_name=${1:-runtime}
lock=requirements/$set_name.txt
venv=.venv
stamp=$venv/.workbench-$set_name
grafana=$venv/grafana # grafana-client brings its own urllib3, in which Locust and Docker's client do not work: kept apart

say() { printf '%s\n' "$*" >&2; }
missing() { # what is missing, the command that mends it
  say ""
  say "missing: $1"
  say "mend it: $2"
  exit 4
}

if [ ! -f "$lock" ]; then
  say "there is no $lock; there are: runtime, test"
  exit 2
fi

system=$(uname -s)
case $system in
  Linux | Darwin) ;;
  *) missing "a supported system (this is $system)" "use Linux, macOS, or Linux in WSL2: wsl --install" ;;
esac

# How this system installs a package, in one command.
package_command() { # Debian's name, Fedora's name, Homebrew's name
  if [ "$system" = Darwin ]; then echo "brew install $3"
  elif command -v apt-get >/dev/null 2>&1; then echo "sudo apt-get install -y $1"
  elif command -v dnf >/dev/null 2>&1; then echo "sudo dnf install -y $2"
  elif command -v apk >/dev/null 2>&1; then echo "sudo apk add $2"
  elif command -v zypper >/dev/null 2>&1; then echo "sudo zypper install -y $2"
  elif command -v pacman >/dev/null 2>&1; then echo "sudo pacman -S ${4:-python}"
  else echo "install $1 with this system's package manager"
  fi
}

# Shows how far pip is, on one line of a terminal; elsewhere every twentieth package.
counted() { # how many there are
  awk -v all="$1" -v tty="$([ -t 2 ] && echo 1 || echo 0)" '
    /^Collecting / { n++; if (tty) printf "\r\033[K  %d of %d  %s", n, all, $2; else if (n % 20 == 0) print "  " n " of " all }
    /^Installing collected/ { if (tty) printf "\r\033[K"; print "  unpacking" }' >&2
}

state() { cat "$lock" requirements/grafana.txt pyproject.toml | cksum; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  for candidate in ${PYTHON:-} python3 python3.15 python3.14 python3.13 python3.12 python3.11 python; do
    if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
}

if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$(state)" ] && new_enough $venv/bin/python; then
  exit 0
fi

say "setting up $venv ($set_name); this is done once"
if ! command -v make >/dev/null 2>&1; then # who has none started this by hand
  [ "$system" = Darwin ] && get_make="xcode-select --install" || get_make=$(package_command make make make make)
  say "- there is no make: $get_make; or go on without it, as $venv/bin/workbench"
fi
if command -v uv >/dev/null 2>&1; then
  say "- using uv"
  if [ ! -x $venv/bin/python ] || ! new_enough $venv/bin/python; then
    python=$(find_python)
    uv venv --quiet --allow-existing --python "${python:-3.13}" $venv ||
      missing "Python 3.11 or newer" "uv python install 3.13"
  fi
  say "- installing $(grep -c '==' "$lock") pinned packages"
  [ -t 2 ] && quiet='' || quiet=--quiet
  # shellcheck disable=SC2086
  uv pip install $quiet --python $venv/bin/python --require-hashes -r "$lock"
  uv pip install --quiet --python $venv/bin/python --no-build-isolation --no-deps -e .
  [ "$set_name" != test ] ||
    uv pip install --quiet --python $venv/bin/python --target $grafana --require-hashes -r requirements/grafana.txt
else
  python=$(find_python)
  if [ -z "$python" ]; then
    if command -v python3 >/dev/null 2>&1; then
      found="$(python3 --version 2>&1) is too old"
    else
      found="there is no python3"
    fi
    missing "Python 3.11 or newer ($found)" "$(package_command python3.11 python3.12 python@3.13)"
  fi
  "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
    missing "the venv module of $python" "$(package_command python3-venv python3 python@3.13)"
  if [ ! -x $venv/bin/python ] || ! new_enough $venv/bin/python; then
    say "- making $venv with $("$python" --version)"
    "$python" -m venv --clear $venv
  fi
  packages=$(grep -c '==' "$lock")
  say "- installing $packages pinned packages (a minute or two without uv)"
  rm -f "$stamp" $venv/.installed
  { $venv/bin/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$lock" &&
    touch $venv/.installed; } | counted "$packages"
  [ -e $venv/.installed ] || exit 4 # pip has said why
  rm $venv/.installed
  $venv/bin/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps -e .
  [ "$set_name" != test ] || { rm -rf $grafana && $venv/bin/python -m pip install --disable-pip-version-check --quiet \
    --target $grafana --require-hashes -r requirements/grafana.txt; }
fi
state >"$stamp"
say "- ready: $venv/bin/workbench"
