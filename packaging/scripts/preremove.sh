#!/bin/sh
# Before removing, for deb (remove, or upgrade VERSION) and rpm (0, or 1 when a
# new version takes over). Without systemd, disabling only removes the link.
set -e
case "$1" in
  remove | 0) ;;
  *) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
  systemctl --no-reload disable --now vpcdoctor.timer vpcdoctor-boot.service >/dev/null 2>&1 || :
  systemctl stop vpcdoctor.service >/dev/null 2>&1 || :
else
  rm -f /etc/systemd/system/timers.target.wants/vpcdoctor.timer \
    /etc/systemd/system/multi-user.target.wants/vpcdoctor-boot.service
fi
