#!/usr/bin/env bash
# booted-inside.sh AGENT: the part of booted.sh inside the simulated instance.
# Lays a root over the instance's own and becomes its systemd.
set -euo pipefail
export AGENT=$1 WORK=$PWD
SETTINGS=$(env | grep ^VPCDOCTOR_ | tr '\n' ' ')
export SETTINGS
# shellcheck disable=SC2016 # expanded in there
exec unshare -m -p -C -i --fork --propagation private --kill-child=KILL bash -euc '
root=$WORK/root
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr etc var/lib var/log var/tmp run tmp dev proc sys root out .over
chmod 1777 tmp var/tmp
for d in usr etc; do
  mkdir -p .over/$d .over/$d.work
  mount -t overlay overlay -o "lowerdir=/$d,upperdir=$root/.over/$d,workdir=$root/.over/$d.work" $d
done
# Single files that the lab laid over those of /etc.
cut -d" " -f2 /proc/self/mounts | grep "^/etc/" | sort -u | while read -r m; do
  mount --rbind "$m" "$root$m"
done
for d in var/lib var/log; do [ ! -d /$d/amazon ] || cp -a /$d/amazon $d/; done
for d in bin sbin lib lib64 lib32; do [ ! -L /$d ] || cp -a /$d .; done
mount --bind "$WORK/out" out
for d in null zero full random urandom; do : >dev/$d; mount --bind /dev/$d dev/$d; done
: >dev/kmsg
mount -t tmpfs -o mode=755 tmpfs run
mount -t proc proc proc
mount --rbind /sys sys 2>/dev/null || mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup

rm -f usr/bin/vpcdoctor usr/bin/amazon-ssm-agent usr/bin/ssm-agent-worker
install -m 755 "$WORK/vpcdoctor" usr/bin/vpcdoctor
# The stand-in of the agent: two processes of the right names.
install -m 755 usr/bin/sleep usr/bin/amazon-ssm-agent
install -m 755 usr/bin/sleep usr/bin/ssm-agent-worker
units=etc/systemd/system
rm -rf $units
mkdir -p $units/vpcdoctor.service.d $units/vpcdoctor.timer.d
start="ssm-agent-worker 1000 \& exec /usr/bin/amazon-ssm-agent 1000"
[ "$AGENT" != fail ] || start="exit 7"
cat >$units/amazon-ssm-agent.service <<U
[Unit]
Description=amazon-ssm-agent
[Service]
ExecStart=/bin/sh -c "${start//\\}"
Restart=no
U
[ "$AGENT" != masked ] || ln -sf /dev/null $units/amazon-ssm-agent.service
cp "$WORK/vpcdoctor.service" "$WORK/vpcdoctor.timer" $units/
cat >$units/vpcdoctor.service.d/lab.conf <<U
[Service]
Environment=$SETTINGS
StandardOutput=file:/out/sandbox.txt
U
cat >$units/vpcdoctor.timer.d/lab.conf <<U
[Timer]
OnBootSec=
OnBootSec=1s
RandomizedDelaySec=0
U
cat >$units/bare.service <<U
[Service]
Type=oneshot
SuccessExitStatus=1 3
Environment=$SETTINGS
StandardOutput=file:/out/bare.txt
ExecStart=/usr/bin/vpcdoctor check --state-dir=/var/lib/bare
U
cat >$units/go.service <<U
[Service]
Type=oneshot
ExecStart=/bin/sh /etc/go.sh
U
cat >$units/default.target <<U
[Unit]
Requires=basic.target
After=basic.target
Wants=go.service amazon-ssm-agent.service
U
cat >etc/go.sh <<U
sleep 1
systemctl start bare.service
systemctl start vpcdoctor.timer
i=0
until [ -e /var/lib/vpcdoctor/last-report.json ] && ! systemctl is-active -q vpcdoctor.service; do
  i=\$((i + 1)); [ \$i -lt 400 ] || exit 1
  sleep 0.1
done
sleep 0.5
failed=no
if systemctl is-failed -q vpcdoctor.service; then failed=yes; fi
echo failed=\$failed >/out/state
: >/out/done
systemctl exit --force --force
U
echo 0123456789abcdef0123456789abcdef >etc/machine-id
mount --move . /
exec env -i container=vpcdoctor-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  chroot . /usr/lib/systemd/systemd --system --log-target=null --show-status=0
'
