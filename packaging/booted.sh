#!/usr/bin/env bash
# booted.sh VPCDOCTOR VPCLAB SCENARIO[/AGENT]...: in the simulated VPC of each
# scenario boots this machine's systemd with the shipped units, has the timer
# fire the sandboxed service, and compares its verdict with that of a run
# without a sandbox. AGENT is what a stand-in of the SSM Agent does: run (when
# not given), fail, or masked. Four at a time. Needs root and cgroup2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vpcdoctor=$(realpath "$1") vpclab=$(realpath "$2")
shift 2

groups=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
if [ "$(id -u)" != 0 ] || [ -z "$groups" ] || [ ! -x /usr/lib/systemd/systemd ]; then
  echo "booted.sh: needs root, a cgroup2 hierarchy and systemd" >&2
  exit 69
fi

# What a verdict comes down to.
causes() { grep -oE '^[A-Z0-9]{2}-[0-9]{2} (ERROR|WARNING|INFO)|^[A-Z]+:' "$1" | sort || :; }

one() { # SCENARIO[/AGENT]
  local scenario=${1%/*} agent=run work group rc=0
  [ "$scenario" = "$1" ] || agent=${1#*/}
  work=$(mktemp -d "${TMPDIR:-/tmp}/booted.XXXXXX")
  group=$groups/vpcdoctor-booted-$BASHPID
  mkdir "$group" "$work/out" "$work/root"
  cp "$here"/booted-inside.sh "$here"/../systemd/vpcdoctor.{service,timer} "$vpcdoctor" "$work/"
  # The lab shows a command the directory it starts in. The group is systemd's.
  (
    cd "$work"
    echo $BASHPID >"$group/cgroup.procs"
    exec timeout -k 2 60 "$vpclab" run "$scenario" -- bash ./booted-inside.sh "$agent"
  ) >"$work/log" 2>&1 </dev/null || :
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || :
    [ -d "$group" ] || break
    sleep 0.2
  done
  if [ ! -e "$work/out/done" ]; then
    echo "FAIL $1: systemd did not come to the end"
    tail -5 "$work/log"
    rc=1
  elif [ "$(causes "$work/out/bare.txt")" != "$(causes "$work/out/sandbox.txt")" ] || [ -z "$(causes "$work/out/bare.txt")" ]; then
    echo "FAIL $1: the sandbox changes the verdict"
    diff "$work/out/bare.txt" "$work/out/sandbox.txt" || :
    rc=1
  elif ! grep -qx 'failed=no' "$work/out/state"; then
    echo "FAIL $1: the unit failed"
    rc=1
  else
    printf 'ok   %-28s %s\n' "$1" "$(causes "$work/out/sandbox.txt" | tr '\n' ' ')"
  fi
  rm -rf "$work"
  return $rc
}

failed=0 running=0
for s; do
  one "$s" &
  if ((++running == 4)); then
    wait -n || failed=1
    running=$((running - 1))
  fi
done
while ((running-- > 0)); do wait -n || failed=1; done
exit $failed
