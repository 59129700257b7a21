#!/bin/sh
# Puts what the production image holds into a new folder: `sh deploy/image.sh FOLDER`, in a checkout after `npm ci` and
# `npm run build`.
# The Dockerfile and CI both use this script, so CI runs what the image would run.
set -eu
cd "$(dirname "$0")/.."
target=${1:?the folder to make}
[ ! -e "$target" ] || { echo "$target exists" >&2; exit 1; }

mkdir -p "$target/dist"
cp -R dist/src dist/public dist/ormconfig.js dist/db-check.js "$target/dist/"
cp package.json package-lock.json "$target/"
# No development packages. No install scripts: bcrypt and the other native packages bring their binaries.
(cd "$target" && npm ci --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund)
rm "$target/package-lock.json"

# What no program loads: the compiler (an optional peer of @nestjs/swagger), TypeORM's build for browsers, the ES build
# of Tencent's SDK, TypeScript and source maps of packages. Our own source maps stay: stacks name our lines.
packages=$target/node_modules
rm -rf "$packages/@types" "$packages/typescript" "$packages/typeorm/browser" "$packages"/tencentcloud-sdk-nodejs-*/es "$packages/.bin/tsc" "$packages/.bin/tsserver"
find "$packages" -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete

# What packages load for programs that need it, and this one never uses: TypeORM's drivers of other databases, and the
# numbering plans of all countries in class-validator. 5 MB of memory. They are loaded when they are used.
when_used() { # FILE PATTERN
  sed -i -E "s#^const (\w+) = require\((\"[^\"]*$2\")\);#const \1 = new Proxy({}, { get: (_, name) => require(\2)[name] });#" "$1"
  grep -q 'new Proxy' "$1"
}
when_used "$packages/typeorm/driver/DriverFactory.js" Driver
when_used "$packages/class-validator/cjs/decorator/string/IsPhoneNumber.js" libphonenumber-js/max
