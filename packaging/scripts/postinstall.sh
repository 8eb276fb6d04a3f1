#!/bin/sh
# After installing, for deb (configure [OLD-VERSION]) and rpm (1, or 2 when it
# replaces a version). The timer is not enabled: that is the operator's choice.
set -e
# In a chroot or an image build there is no systemd to tell.
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload || :
case "$1:$2" in
  configure:?* | [2-9]*) systemctl try-restart vpcdoctor.timer || : ;;
esac
