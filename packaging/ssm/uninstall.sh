#!/bin/sh
# Run by the SSM Agent's Distributor as root. Configuration and the last report
# stay in /etc/vpcdoctor and /var/lib/vpcdoctor.
set -eu
if command -v dpkg-query >/dev/null 2>&1 && dpkg-query -s vpcdoctor >/dev/null 2>&1; then
  exec dpkg -r vpcdoctor </dev/null
fi
if command -v rpm >/dev/null 2>&1 && rpm -q vpcdoctor >/dev/null 2>&1; then
  exec rpm -e vpcdoctor </dev/null
fi
echo 'vpcdoctor: not installed, nothing to remove'
