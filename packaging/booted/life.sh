# The life of the deb under a systemd that runs: installed, first report, an
# upgrade over an edited file, Distributor's scripts, removed, purged. stdin is
# closed all the time.
quiet() { "$@" >/tmp/out 2>&1 || { echo "failed: $*"; cat /tmp/out; exit 1; }; }
must() { "$@" || { echo "not so: $*"; exit 1; }; }
version() { dpkg-query -W -f '${Version}' vpcdoctor; }
ms() { echo $(($(date +%s%N) / 1000000)); }
wants=/etc/systemd/system/timers.target.wants/vpcdoctor.timer
state=/var/lib/vpcdoctor/last-report.json
# Nobody waits for this instance's place among others here.
unhurried() {
  mkdir -p /run/systemd/system/vpcdoctor.service.d
  { printf '[Service]\nExecStart=\n'
    sed -n 's/--jitter=auto/--jitter=off/; /^ExecStart=/p' /usr/lib/systemd/system/vpcdoctor.service
  } >/run/systemd/system/vpcdoctor.service.d/lab.conf
  systemctl daemon-reload
}

# Nothing starts by itself; the first report is a matter of seconds: 5 where a
# processor is free, as many times that as programs wait for each.
busy=$(awk -v n="$(nproc)" '{print int($1 / n)}' /proc/loadavg)
start=$(ms)
quiet dpkg -i /out/old.deb
vpcdoctor >/tmp/report || :
first=$(($(ms) - start))
grep -q '^HEALTHY' /tmp/report || { cat /tmp/report; exit 1; }
echo "install to first report $first ms, load $busy a processor;"
must [ "$first" -lt $((5000 * (busy + 1))) ]
must [ "$(systemctl is-enabled vpcdoctor.timer)" = disabled ]
must [ "$(systemctl is-enabled vpcdoctor-boot.service)" = disabled ]
must [ "$(systemctl is-active vpcdoctor.timer)" = inactive ]

# An upgrade keeps the edited file and the running timer.
unhurried
quiet systemctl enable --now vpcdoctor.timer
echo '# edited' >>/etc/vpcdoctor/config.yaml
old=$(version)
quiet dpkg --force-confdef --force-confold -i /out/new.deb
must [ "$(version)" != "$old" ]
must grep -q '^# edited' /etc/vpcdoctor/config.yaml
must [ -e /etc/vpcdoctor/config.yaml.dpkg-dist ]
must [ "$(systemctl is-active vpcdoctor.timer)" = active ]
quiet systemctl start vpcdoctor.service
must [ -s $state ]

# Distributor's scripts, as the agent runs them: in the unpacked directory, with
# its variables only. Over an older version, the same one, and none.
agent() {
  (cd /out/zip && env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin BWS_ACTION_NAME="$1" BWS_PLATFORM_NAME=debian \
    BWS_ARCHITECTURE=x86_64 BWS_PACKAGE_MANAGER=apt sh "$2" </dev/null >/tmp/out 2>&1) ||
    { echo "failed: $2"; cat /tmp/out; exit 1; }
}
new=$(version)
quiet dpkg --force-confdef --force-confold -i /out/old.deb
agent Install install.sh
must [ "$(version)" = "$new" ]
must grep -q '^# edited' /etc/vpcdoctor/config.yaml
agent Update update.sh
agent Uninstall uninstall.sh
must [ ! -e /usr/bin/vpcdoctor ]
agent Uninstall uninstall.sh
agent Install install.sh
must [ "$(version)" = "$new" ]

# Removing disables; purging leaves nothing.
quiet systemctl enable --now vpcdoctor.timer
quiet systemctl enable vpcdoctor-boot.service
quiet dpkg -r vpcdoctor
must [ ! -L $wants ]
must [ "$(systemctl is-active vpcdoctor.timer)" = inactive ]
must [ -e /etc/vpcdoctor/config.yaml ]
must [ -e $state ]
quiet dpkg -P vpcdoctor
rm -r /run/systemd/system/vpcdoctor.service.d
left=$(find / -xdev \( -path /proc -o -path /sys -o -path /out \) -prune -o -name '*vpcdoctor*' -print)
must [ -z "$left" ]
must [ "$(systemctl is-system-running)" != degraded ]
echo 'installed, upgraded, removed, purged'
