#!/usr/bin/env bash
# tools/on-node.sh VERSION COMMAND…: runs a command on another Node.js (24, 26.10.0, …), in a copy of the working tree with packages
# of its own. Node.js and the headers for native parts come from npm's package of this platform; nothing else is downloaded.
# The copy is kept for the next time: in ON_NODE_DIR, else in a directory for temporary files of this working tree's own.
set -euo pipefail
if [ "$#" -lt 2 ]; then
  echo "usage: $0 VERSION COMMAND…" >&2
  exit 2
fi
version=$1
shift
cd "$(dirname "$0")/.."

dir=${ON_NODE_DIR:-${TMPDIR:-/tmp}/deploy-tools-on-node-$(pwd | sha256sum | cut -c1-12)}/$version
package=node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
mkdir -p "$dir/node" "$dir/tree"
npm install --silent --no-audit --no-fund --no-save --prefix "$dir/node" "$package@$version"
node=$dir/node/node_modules/$package
export PATH="$node/bin:$PATH" npm_config_nodedir=$node JOBS=max

# What git would take, changes that are not committed included. Of what was there only packages and what was built stays.
find "$dir/tree" \( -name node_modules -o -name dist -o -name program \) -prune -o -type f -print0 | xargs -0r rm -f
git ls-files -z --cached --others --exclude-standard | rsync -a --from0 --ignore-missing-args --files-from=- ./ "$dir/tree/"
cd "$dir/tree"
lock=$(sha256sum package-lock.json; node --version)
if [ "$(cat "$dir/installed" 2>/dev/null)" != "$lock" ]; then
  echo "installing for Node.js $(node --version) in $dir/tree"
  npm ci --no-audit --no-fund
  echo "$lock" >"$dir/installed"
fi
exec "$@"
