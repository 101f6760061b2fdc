#!/bin/sh
# Renews requirements/*.txt: exact versions with hashes of all their files, for Linux and macOS, x86-64 and
# arm64, Python 3.11 and newer. Names no registry: whatever index pip is set up with serves them.
set -eu
cd "$(dirname "$0")"
for set_name in runtime test; do
  groups=
  [ $set_name = test ] && groups="--group dev --extra servers --extra docker"
  # shellcheck disable=SC2086
  uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
    --quiet --upgrade $groups pyproject.toml requirements/build.in -o requirements/$set_name.txt
done
# grafana-client is kept apart (setup.sh says why); these are its tests'.
uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
  --quiet --upgrade requirements/grafana.in -o requirements/grafana.txt
# Those of the container images, out of the same versions.
for set_name in shop plane; do
  uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
    --quiet --constraint requirements/test.txt requirements/$set_name.in -o requirements/$set_name.txt
done
