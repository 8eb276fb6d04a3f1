#!/bin/sh
# After removing, for deb (remove, purge, upgrade) and rpm (0 or 1). purge takes
# the reports away too.
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload || :
case "$1" in
  purge) rm -rf /var/lib/vpcdoctor ;;
esac
