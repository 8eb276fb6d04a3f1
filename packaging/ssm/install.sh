#!/bin/sh
# Run by the SSM Agent's Distributor as root, without a terminal or stdin, in
# the directory where the zip was unpacked. Also for a version of which another
# one is installed, older or newer. The timer stays as it is: off, at first.
set -eu
set -- ./*.deb ./*.rpm
for file in "$@"; do
  [ -f "$file" ] || continue
  case "$file" in
    *.deb)
      # Without the two options an edited config.yaml would make dpkg ask, find
      # no stdin, and leave the package half configured.
      DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i "$file" </dev/null ;;
    *.rpm)
      rpm -U --replacepkgs --oldpackage "$file" </dev/null ;;
  esac
  vpcdoctor version
  exit
done
echo 'vpcdoctor: this zip holds no package' >&2
exit 1
