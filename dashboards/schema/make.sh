#!/bin/sh
# Renews grafana.schema.json from Grafana's own packages, in the versions of package.json. Needs node and npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/tsconfig.json" "$here/dashboard.ts" "$work"
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps
npx tsc --noEmit --project .
npx ts-json-schema-generator --tsconfig tsconfig.json --path dashboard.ts --type Dashboard \
  --expose none --jsDoc none --no-ref-encode --minify --out "$here/grafana.schema.json"
