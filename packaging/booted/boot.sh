#!/usr/bin/env bash
# boot.sh SCENARIO CASE [ARG]: in the simulated VPC of a scenario boots the
# systemd of BASE (root.sh) with the shipped units, runs the case, a script
# beside this one, as one of its services, and says what came of it. The case
# finds in /out what this script puts there: the packages of DIST and the
# program to be tested. Needs root and cgroup2; sends nothing but inside the
# simulated VPC.
#   BASE      the directory of root.sh
#   VPCLAB    the simulated VPC's program
#   VPCDOCTOR the program under test
#   DIST      a directory with old.deb, new.deb and zip/, the unpacked
#             Distributor zip of new.deb
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scenario=$1 case=$2 arg=${3:-}
groups=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)

# The mounts below end with this namespace.
[ -n "${BOOTED:-}" ] || BOOTED=1 exec unshare -m --propagation private -- "$0" "$@"

work=$(mktemp -d "${TMPDIR:-/tmp}/booted.XXXXXX")
group=$groups/vpcdoctor-booted-$$
mkdir "$group" "$work"/{base,root,out,units}
mount --bind "$BASE" "$work/base"
cp "$here/inside.sh" "$work/"
cp "$here"/../../systemd/*.service "$here"/../../systemd/*.timer "$work/units/"
cp -r "$DIST"/. "$VPCDOCTOR" "$here/$case"*.sh "$here/../BY-HAND.md" "$work/out/"

# The lab shows a command the directory it starts in. The group is systemd's.
(
  cd "$work"
  echo $BASHPID >"$group/cgroup.procs"
  exec timeout -k 2 300 "$VPCLAB" run "$scenario" -- bash ./inside.sh "$case" "$arg"
) >"$work/log" 2>&1 </dev/null || :
for _ in 1 2 3 4 5 6 7 8 9 10; do
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || :
  [ -d "$group" ] || break
  sleep 0.2
done

name="$case $scenario${arg:+ $arg}" rc=1
if [ ! -e "$work/out/rc" ]; then
  printf 'FAIL %s: systemd did not come to the end\n' "$name"
  tail -5 "$work/log" "$work/out/said" 2>/dev/null || :
elif [ "$(cat "$work/out/rc")" != 0 ]; then
  printf 'FAIL %s\n' "$name"
  cat "$work/out/said"
else
  rc=0
  printf 'ok   %-36s %s\n' "$name" "$(tr '\n' ' ' <"$work/out/said")"
fi
umount "$work/base"
rm -rf "$work"
exit $rc
