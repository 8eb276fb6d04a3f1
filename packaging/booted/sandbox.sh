# The timer fires the sandboxed service; its verdict is that of a run without a
# sandbox. The agent runs, or is masked, or fails (ARG of boot.sh).
causes() { grep -oE '^[A-Z0-9]{2}-[0-9]{2} (ERROR|WARNING|INFO)|^[A-Z]+:' "$1" | sort; }
sleep 1
systemctl start bare.service
systemctl start vpcdoctor.timer
i=0
until [ -e /var/lib/vpcdoctor/last-report.json ] && ! systemctl is-active -q vpcdoctor.service; do
  i=$((i + 1))
  [ $i -lt 400 ] || { echo 'the timer fired nothing in 40 s'; exit 1; }
  sleep 0.1
done
sleep 0.5
if systemctl is-failed -q vpcdoctor.service; then echo 'the unit failed'; exit 1; fi
causes /out/bare.txt >/tmp/bare && [ -s /tmp/bare ]
causes /out/sandbox.txt >/tmp/sandbox || :
if ! cmp -s /tmp/bare /tmp/sandbox; then
  echo 'the sandbox changes the verdict:'
  diff /out/bare.txt /out/sandbox.txt || :
  exit 1
fi
# What it hides is named.
grep -q "kernel's log.*: sandbox" /out/sandbox.txt || { echo 'the sandbox is not named'; cat /out/sandbox.txt; exit 1; }
! grep -q ': sandbox' /out/bare.txt
cat /tmp/sandbox
