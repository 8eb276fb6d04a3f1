# Read by inside.sh, in the root that will be booted: the shipped units as if
# installed, the timer in a hurry, and what the agent is to be.
install -m 755 out/vpcdoctor usr/bin/vpcdoctor
cp "$WORK"/units/* $units/
mkdir -p $units/vpcdoctor.service.d $units/vpcdoctor.timer.d
# Nobody waits for this instance's place among others here.
{
  printf '[Service]\nExecStart=\nStandardOutput=file:/out/sandbox.txt\n'
  sed -n 's/--jitter=auto/--jitter=off/; /^ExecStart=/p' $units/vpcdoctor.service
} >$units/vpcdoctor.service.d/lab.conf
printf '[Timer]\nOnBootSec=\nOnBootSec=1s\nRandomizedDelaySec=0\n' >$units/vpcdoctor.timer.d/lab.conf
cat >$units/bare.service <<U
[Service]
Type=oneshot
SuccessExitStatus=1 3
StandardOutput=file:/out/bare.txt
ExecStart=/usr/bin/vpcdoctor check --state-dir=/var/lib/bare
U
case $ARG in
  masked) ln -sf /dev/null $units/amazon-ssm-agent.service ;;
  fail) sed -i 's,^ExecStart=.*,ExecStart=/bin/sh -c "exit 7",' $units/amazon-ssm-agent.service ;;
esac
