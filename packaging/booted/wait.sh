# The agent starts after the boot unit, as soon as the path works and within a
# minute when it does not.
stamp() { systemctl show -P "$2" "$1"; }
i=0
until systemctl is-active -q amazon-ssm-agent.service; do
  i=$((i + 1))
  [ $i -lt 700 ] || { echo 'the agent did not start in 70 s'; exit 1; }
  sleep 0.1
done
began=$(stamp vpcdoctor-boot ExecMainStartTimestampMonotonic)
ended=$(stamp vpcdoctor-boot ExecMainExitTimestampMonotonic)
agent=$(stamp amazon-ssm-agent ExecMainStartTimestampMonotonic)
waited=$(((agent - began) / 1000))
echo "the agent waited $waited ms; $(stamp vpcdoctor-boot Result), exit code $(stamp vpcdoctor-boot ExecMainStatus)"
if [ "$began" = 0 ] || [ "$ended" -gt "$agent" ]; then
  echo "order: $began, $ended, $agent"
  exit 1
fi
case $1 in
  works) [ $waited -lt 5000 ] ;;
  broken) [ $waited -ge 40000 ] && [ $waited -le 60000 ] && [ "$(stamp vpcdoctor-boot Result)" = success ] ;;
  hang) [ $waited -le 60000 ] ;;
esac
