# Runs the blocks of BY-HAND.md on a healthy instance, as they stand there.
# Stand-ins: sudo and mount, what aws and curl fetch, the tunnel. The paste over
# a terminal is tried by serial_test.go.
must() { "$@" || { echo "not so: $*"; cat /tmp/said; exit 1; }; }
bin=/usr/local/bin
stand_in() { cat >"$bin/$1" && chmod 755 "$bin/$1"; }
stand_in sudo <<'S'
#!/bin/sh
if [ "$1" = mount ]; then
  mount --bind /srv/broken /mnt && exec mount -o remount,bind,ro /mnt
fi
exec "$@"
S
stand_in aws <<'S'
#!/bin/bash
case "$1 $2" in
  "s3 cp") exec cp /out/vpcdoctor "${@: -1}" ;;
  "ec2-instance-connect open-tunnel")
    [ "$4" = i-0123456789abcdef0 ] || exit 1
    exec 3<>/dev/tcp/127.0.0.1/22
    cat <&3 &
    exec cat >&3 ;;
esac
exit 1
S
stand_in curl <<'S'
#!/bin/sh
[ "$1 $2" = "-fsS -o" ] && exec cp /out/vpcdoctor "$3"
S

# block NAME: the lines of a block.
block() {
  awk -v want="<!-- try: $1 -->" '$0 == want { on = 1; next } on && /^```sh$/ { text = 1; next } text && /^```$/ { exit } text' /out/BY-HAND.md
}
# try NAME CODE WANT: a block runs beside the program and ends with the exit
# code; its output has the line, if one is wanted.
try() {
  block "$1" >/tmp/block
  [ -s /tmp/block ] || { echo "BY-HAND.md has no block $1"; exit 1; }
  code=0
  (cd /tmp/here && $as sh -u /tmp/block) >/tmp/said 2>&1 || code=$?
  if [ $code != "$2" ] || { [ -n "$3" ] && ! grep -q "$3" /tmp/said; }; then
    echo "$1: exit code $code, want $2 and $3"
    cat /tmp/said
    exit 1
  fi
  tried="$tried $1"
  rm -f /dev/shm/vpcdoctor /run/vpcdoctor
}
export HOME=/root # as in a shell
tried='' as=''
mkdir -m 1777 /tmp/here
cp /out/vpcdoctor /tmp/here/

rm -f /run/nologin # of a boot that is not over
mkdir -p /run/sshd /root/.ssh
/usr/sbin/sshd
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
printf 'Host HOST\n HostName 127.0.0.1\nHost *\n StrictHostKeyChecking no\n LogLevel error\n' >/root/.ssh/config
cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
useradd -m ec2-user
install -d -o ec2-user -m 700 /home/ec2-user/.ssh
install -o ec2-user -m 600 /root/.ssh/id_ed25519.pub /home/ec2-user/.ssh/authorized_keys
try ssh 0 '^HEALTHY'
try tunnel 0 '^HEALTHY'
try curl 0 '^HEALTHY'

: >/dev/console
try user-data 0 ''
must grep -q '^vpcdoctor: HEALTHY' /dev/console
must grep -q '^VPCD1 ' /dev/console
must test -s /var/lib/vpcdoctor/last-report.json

mkdir -p /srv/broken/var/lib/vpcdoctor
install -m 755 /out/vpcdoctor /usr/bin/vpcdoctor
vpcdoctor diagnose /out/facts.json -o json >/srv/broken/var/lib/vpcdoctor/last-report.json || [ $? = 1 ]
try rescue 0 '^SG-02 ERROR'
must grep -q 'authorize-security-group-ingress' /tmp/said

try shm 0 '^HEALTHY'
as=ro
ro() { unshare -m --propagation private sh -euc 'mount -o remount,bind,ro /; ! touch /etc/x 2>/dev/null; exec "$@"' sh "$@"; }
try read-only 0 '^HEALTHY'
must grep -q '^HEALTHY' /dev/shm/report.txt
as=noexec
noexec() {
  # shellcheck disable=SC2016 # expanded there
  unshare -m --propagation private sh -euc '
    for d in /tmp /dev/shm; do mount -t tmpfs -o noexec tmpfs $d; done
    cp /out/vpcdoctor /tmp/
    ! /tmp/vpcdoctor version 2>/dev/null
    exec sh -uc "$1"' sh "$(block noexec)"
}
try noexec 0 '^HEALTHY'
as='setpriv --reuid=65534 --regid=65534 --clear-groups'
try user 3 'agent not checked (needs root)'
must grep -q '"status": "inconclusive"' /tmp/here/report.json
as=''
try pack 0 '  vpcdoctor$'
base64 -d </tmp/here/paste.txt | xz -d >/tmp/unpacked
must cmp /tmp/unpacked /out/vpcdoctor
echo "tried:$tried"
