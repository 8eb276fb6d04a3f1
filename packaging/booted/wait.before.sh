# Read by inside.sh, in the root that will be booted: the optional boot unit,
# enabled. ARG hang puts a program there that never ends and ignores SIGTERM.
install -m 755 out/vpcdoctor usr/bin/vpcdoctor
if [ "$ARG" = hang ]; then
  printf '#!/bin/sh\ntrap "" TERM\nwhile :; do sleep 1; done\n' >usr/bin/vpcdoctor
fi
cp "$WORK"/units/* $units/
mkdir $units/default.target.wants
ln -s ../vpcdoctor-boot.service $units/default.target.wants/
