#!/usr/bin/env bash
# inside.sh CASE ARG: the part of boot.sh inside the simulated instance. Lays
# the instance's own files over the root of boot.sh and becomes its systemd.
set -euo pipefail
export CASE=$1 ARG=$2 WORK=$PWD
SETTINGS=$(env | grep ^VPCDOCTOR_ | tr '\n' ' ')
export SETTINGS
# shellcheck disable=SC2016 # expanded in there
exec unshare -m -p -C -i --fork --propagation private --kill-child=KILL bash -euc '
root=$WORK/root
mkdir "$root/over"
mount -t tmpfs -o mode=755 tmpfs "$root/over"
mkdir "$root"/over/{upper,work,all}
mount -t overlay overlay -o "lowerdir=$WORK/base,upperdir=$root/over/upper,workdir=$root/over/work" "$root/over/all"
cd "$root/over/all"
mkdir -p out
mount --bind "$WORK/out" out
mount -t tmpfs -o mode=755 tmpfs dev
mkdir -m 1777 dev/shm
for d in null zero full random urandom; do : >dev/$d; mount --bind /dev/$d dev/$d; done
: >dev/kmsg; mount --bind /dev/null dev/kmsg # not that of the machine
mount -t tmpfs -o mode=755 tmpfs run
mount -t proc proc proc
mount --rbind /sys sys 2>/dev/null || mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup

# What makes this instance this instance; users and libraries are the root'"'"'s.
for d in etc root opt snap var/lib var/log run/systemd/resolve; do
  [ -d /$d ] || continue
  mkdir -p $d
  tar -C /$d -c --exclude=./passwd --exclude=./group --exclude="./ld.so.*" --exclude=./shells \
    --exclude=./bash.bashrc --exclude=./localtime . | tar -C $d -x
done
echo 0123456789abcdef0123456789abcdef >etc/machine-id

# The stand-in of the agent: two processes of the right names.
cp usr/bin/sleep usr/bin/amazon-ssm-agent
cp usr/bin/sleep usr/bin/ssm-agent-worker
units=etc/systemd/system
rm -rf $units
mkdir -p $units etc/systemd/system.conf.d
cat >etc/systemd/system.conf.d/lab.conf <<U
[Manager]
DefaultEnvironment=$SETTINGS
U
cat >$units/amazon-ssm-agent.service <<U
[Unit]
Description=amazon-ssm-agent
[Service]
ExecStart=/bin/sh -c "ssm-agent-worker 1000 & exec /usr/bin/amazon-ssm-agent 1000"
Restart=no
U
cat >$units/case.service <<U
[Service]
Type=oneshot
StandardOutput=file:/out/said
StandardError=file:/out/said
ExecStart=-/bin/sh -c "sh -eu /out/$CASE.sh $ARG; echo \$\$? >/out/rc"
ExecStopPost=/bin/systemctl exit --force --force
U
cat >$units/default.target <<U
[Unit]
Requires=basic.target
After=basic.target
Wants=case.service amazon-ssm-agent.service
U
# What a case wants before systemd starts.
if [ -e out/$CASE.before.sh ]; then . out/$CASE.before.sh; fi
mount --move . /
exec env -i container=vpcdoctor-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  chroot . /usr/lib/systemd/systemd --system --log-target=null --show-status=0
'
