#!/usr/bin/env bash
# root.sh: prints the directory of a small root of this machine's own release,
# for tests: systemd, dpkg and what the program calls. It is made once by
# mmdebstrap (a minute or two) and kept in the cache; tests lay an overlay over
# it and change nothing in it. Needs root.
set -euo pipefail
packages=systemd,systemd-sysv,dbus,nftables,mount,openssh-server,openssh-client,xz-utils

# shellcheck disable=SC1091 # the machine's own
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vpcdoctor
dir=$cache/root-$suite-$(sha256sum <"$0" | head -c 12)
if [ ! -d "$dir" ]; then
  mkdir -p "$cache"
  new=$(mktemp -d "$cache/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
    --include="$packages" "$suite" "$new/root" >&2
  rm -rf "$new"/root/var/cache/apt/archives "$new"/root/var/lib/apt/lists
  # An earlier list of packages makes room; another run may have been faster.
  rm -rf "$cache"/root-*
  mv -T "$new/root" "$dir" 2>/dev/null || [ -d "$dir" ]
fi
echo "$dir"
