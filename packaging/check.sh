#!/usr/bin/env bash
# What "make test-packaging" looks at after "make packages": dist/ is there.
# Installs only below a temporary directory; sends nothing but inside the
# simulated VPC. The first run on a machine makes the root of booted/root.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

began=$SECONDS
step() {
  printf '== %s (after %d s)\n' "$*" $((SECONDS - began))
}
die() { printf 'FAIL %s\n' "$*" >&2; exit 1; }
want() { # FILE LINE...: a line of FILE is exactly LINE
  local file=$1 line
  shift
  for line; do grep -qxF -- "$line" "$file" || die "$file has no line: $line"; done
}
# have TOOL WHAT: a missing tool is a failure in CI, told elsewhere.
have() {
  command -v "$1" >/dev/null && return
  [ -z "${CI:-}" ] || die "$1 is missing, so $2 cannot be checked"
  printf 'SKIP %s: %s is not installed\n' "$2" "$1"
  return 1
}

common='./usr/bin/vpcdoctor
./etc/vpcdoctor/config.yaml
./usr/share/man/man1/vpcdoctor.1.gz
./usr/share/man/man5/vpcdoctor.yaml.5.gz
./usr/share/bash-completion/completions/vpcdoctor
./usr/share/fish/vendor_completions.d/vpcdoctor.fish'
units='./usr/lib/systemd/system/vpcdoctor.service
./usr/lib/systemd/system/vpcdoctor.timer
./usr/lib/systemd/system/vpcdoctor-boot.service'

step "sums"
(cd dist && sha256sum --quiet -c SHA256SUMS)

step "scripts"
for script in packaging/ssm/*.sh packaging/scripts/*.sh; do sh -n "$script"; done
if have shellcheck "the scripts' style"; then
  shellcheck packaging/ssm/*.sh packaging/scripts/*.sh packaging/check.sh packaging/booted/{root,boot,inside}.sh .ci/run
  shellcheck --shell=dash packaging/booted/{sandbox,wait,life,byhand}.sh
fi

step "the same source in another directory gives the same bytes"
mkdir "$work/again"
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
  tar -c --null -T - | tar -x -C "$work/again"
find "$work/again" -exec touch -d '2001-02-03' {} +
make -s -C "$work/again" packages VERSION="$VERSION" COMMIT="$COMMIT" 2>/dev/null
cmp dist/SHA256SUMS "$work/again/dist/SHA256SUMS"
wc -l <dist/SHA256SUMS | sed 's/$/ files, identical/'

step "what the program says of itself"
dist/build/amd64/vpcdoctor version -o json >"$work/version"
grep -qF "\"version\": \"$VERSION\"" "$work/version" || die "$(cat "$work/version")"
grep -qE '"build_date": "20[0-9-]{8}T[0-9:]{8}Z"' "$work/version" || die "$(cat "$work/version")"
[ -z "$COMMIT" ] || grep -qF "\"commit\": \"$COMMIT\"" "$work/version" || die "$(cat "$work/version")"

# An older version with another configuration file, to upgrade from.
echo '# as it once was' >>"$work/again/packaging/config.yaml"
mkdir "$work/old"
for kind in deb rpm; do
  (cd "$work/again" && PKG_ARCH=amd64 VERSION=0.0.0-alpha go tool -modfile=packaging/tools/go.mod \
    nfpm package -f nfpm.yaml -p $kind -t "$work/old/" >/dev/null)
done

step "deb"
deb=(dist/*_amd64.deb)
for p in dist/*.deb; do
  dpkg-deb --fsys-tarfile "$p" | tar -t >"$work/list"
  mapfile -t lines <<<"$common
$units
./usr/share/doc/vpcdoctor/copyright
./usr/share/doc/vpcdoctor/changelog.Debian.gz
./usr/share/zsh/vendor-completions/_vpcdoctor"
  want "$work/list" "${lines[@]}"
  dpkg-deb -e "$p" "$work/control"
  [ "$(cat "$work/control/conffiles")" = /etc/vpcdoctor/config.yaml ] || die "$p: conffiles"
  rm -r "$work/control"
done

booted=no
if [ "$(id -u)" = 0 ] && command -v mmdebstrap >/dev/null; then
  # shellcheck disable=SC1091 # the machine's own
  step "a root of $(. /etc/os-release && echo "$VERSION_CODENAME"), of the cache when it is there"
  base=$(packaging/booted/root.sh)
  ! grep -q ' cgroup2 ' /proc/mounts || booted=yes
else
  [ -z "${CI:-}" ] || die "needs root and mmdebstrap"
  base=
fi
# inside COMMANDS: started in the top directory of a copy of that root.
inside() {
  # shellcheck disable=SC2016 # expanded there
  unshare -m --propagation private -- sh -euc '
    over=$(mktemp -d)
    mount -t tmpfs tmpfs "$over"
    mkdir "$over/upper" "$over/work" "$over/root"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$over/upper,workdir=$over/work" "$over/root"
    cd "$over/root"
    mkdir files
    mount --bind "$2" files
    mount --bind /dev dev
    exec sh -euc "$3"' sh "$base" "$work/files" "$1" </dev/null
}
mkdir "$work/files"
cp "$work"/old/*.deb "$work/files/old.deb"
cp "$work"/old/*.rpm "$work/files/old.rpm"
cp "${deb[0]}" "$work/files/new.deb"
cp dist/*.x86_64.rpm "$work/files/new.rpm"
mkdir "$work/files/zip"
sed -n '/^-- facts.json --$/,/^-- verdict.json --$/{/^-- /!p}' report/testdata/scenarios/endpoint-sg-one.txtar >"$work/files/facts.json"
(cd "$work/files/zip" && unzip -q "$OLDPWD"/dist/ssm/*_deb_x86_64.zip)

step "deb in a root without systemd: install, upgrade, remove, purge"
if [ -n "$base" ]; then
  cat >"$work/files/chroot.sh" <<'E'
    quiet() { "$@" >/tmp/out 2>&1 || { cat /tmp/out; exit 1; }; }
    quiet dpkg -i /files/old.deb
    vpcdoctor version
    [ ! -e /etc/systemd/system/timers.target.wants/vpcdoctor.timer ]
    echo "profiles: [ssm]" >/etc/vpcdoctor/config.yaml
    ! dpkg -i /files/new.deb >/tmp/out 2>&1
    grep -q "conffile prompt" /tmp/out
    quiet dpkg --force-confdef --force-confold -i /files/new.deb
    grep -qx "profiles: \[ssm\]" /etc/vpcdoctor/config.yaml
    mkdir -p /etc/systemd/system/timers.target.wants /var/lib/vpcdoctor
    ln -s /usr/lib/systemd/system/vpcdoctor.timer /etc/systemd/system/timers.target.wants/
    quiet dpkg -r vpcdoctor
    [ ! -e /usr/bin/vpcdoctor ]
    [ ! -L /etc/systemd/system/timers.target.wants/vpcdoctor.timer ]
    [ -e /etc/vpcdoctor/config.yaml ]
    quiet dpkg -P vpcdoctor
    [ ! -e /etc/vpcdoctor ]
    [ ! -e /var/lib/vpcdoctor ]
E
  inside 'exec chroot . sh -eu /files/chroot.sh' || die "deb: the life of an installation"
else
  echo "SKIP: needs root and mmdebstrap"
fi

step "rpm"
if have rpm "rpm packages"; then
  for p in dist/*.rpm; do
    rpm -qpl "$p" 2>/dev/null | sed 's/^/./' >"$work/list"
    mapfile -t lines <<<"$common
$units
./usr/share/zsh/site-functions/_vpcdoctor
./usr/share/licenses/vpcdoctor/LICENSE"
    want "$work/list" "${lines[@]}"
    [ "$(rpm -qpc "$p" 2>/dev/null)" = /etc/vpcdoctor/config.yaml ] || die "$p: configuration files"
  done
  if [ -n "$base" ]; then
    # This machine's rpm, the root's shell.
    # shellcheck disable=SC2016 # expanded inside
    inside '
      r() { rpm --root "$PWD" --dbpath /var/lib/rpm --nodeps "$@" 2>err || { cat err; exit 1; }; }
      mkdir -p var/lib/rpm
      r -i files/old.rpm
      usr/bin/vpcdoctor version
      r -V vpcdoctor
      echo "profiles: [ssm]" >etc/vpcdoctor/config.yaml
      r -U files/new.rpm
      grep -qx "profiles: \[ssm\]" etc/vpcdoctor/config.yaml
      [ -e etc/vpcdoctor/config.yaml.rpmnew ]
      r -U --replacepkgs --oldpackage files/old.rpm
      mkdir -p etc/systemd/system/timers.target.wants
      ln -s /usr/lib/systemd/system/vpcdoctor.timer etc/systemd/system/timers.target.wants/
      r -e vpcdoctor
      [ ! -e usr/bin/vpcdoctor ]
      [ ! -L etc/systemd/system/timers.target.wants/vpcdoctor.timer ]
      [ -e etc/vpcdoctor/config.yaml.rpmsave ]
    ' || die "rpm: the life of an installation"
  fi
fi

step "apk"
for p in dist/*.apk; do
  tar -tzf "$p" 2>/dev/null | sed 's,^,./,' >"$work/list"
  mapfile -t lines <<<"$common"
  want "$work/list" "${lines[@]}"
  ! grep -q systemd/system "$work/list" || die "$p brings units, and Alpine has no systemd"
done

step "units"
if have systemd-analyze "the units"; then
  mkdir -p "$work/units/vpcdoctor.service.d"
  cp systemd/vpcdoctor.timer "$work/units/"
  # The program is where this test has it.
  for unit in vpcdoctor.service vpcdoctor-boot.service; do
    sed "s,^ExecStart=/usr/bin/vpcdoctor,ExecStart=$PWD/dist/build/amd64/vpcdoctor," systemd/$unit >"$work/units/$unit"
  done
  for extra in none console findings-fail kernel-log; do
    rm -f "$work/units/vpcdoctor.service.d/"*
    [ $extra = none ] || cp systemd/$extra.conf "$work/units/vpcdoctor.service.d/"
    said=$(systemd-analyze verify --man=no "$work"/units/*.service "$work"/units/*.timer 2>&1) || die "$said"
    [ -z "$said" ] || die "systemd-analyze verify, drop-in $extra: $said"
  done
  rm -f "$work/units/vpcdoctor.service.d/"*
  for unit in vpcdoctor.service vpcdoctor-boot.service; do
    systemd-analyze security --no-pager --offline=true --threshold=30 "$work/units/$unit" | tail -1
  done
fi

step "a booted systemd in the simulated VPC"
if [ $booted = yes ]; then
  go build -o "$work/vpclab" ./cmd/vpclab
  export BASE=$base VPCLAB=$work/vpclab VPCDOCTOR=$PWD/dist/build/amd64/vpcdoctor DIST=$work/files
  # Alone, because it measures a time.
  packaging/booted/boot.sh healthy life || die "under systemd"
  # What takes a minute first, five at a time: they wait most of their time.
  printf '%s\n' 'no-endpoints wait broken' 'healthy wait hang' 'healthy wait works' 'healthy byhand' \
    'healthy sandbox' 'healthy sandbox masked' 'healthy sandbox fail' 'endpoint-sg-one sandbox' \
    'egress-closed sandbox' 'custom-dns-public sandbox' 'hosts-stale sandbox' 'imds-local-drop sandbox' \
    'role-without-ssm sandbox' 'clock-skew sandbox' 'tls-intercept sandbox' 'no-endpoints sandbox' |
    xargs -P 5 -L 1 packaging/booted/boot.sh || die "under systemd"
else
  [ -z "${CI:-}" ] || die "needs root, mmdebstrap and cgroup2"
  echo "SKIP: needs root, mmdebstrap and cgroup2"
fi

step "arm64 by emulation"
if [ $booted = yes ] && have qemu-aarch64-static "the other processor"; then
  cp dist/build/arm64/vpcdoctor "$work/files/arm64"
  emulated() { qemu-aarch64-static "$work/files/arm64" "$@"; }
  emulated version
  for verb in arm64 amd64; do
    run=emulated
    [ $verb = arm64 ] || run=dist/build/amd64/vpcdoctor
    $run diagnose -o json "$work/files/facts.json" | sed '/^ *"arch":/d' >"$work/$verb.json" || [ "${PIPESTATUS[0]}" = 1 ]
  done
  cmp "$work/arm64.json" "$work/amd64.json"
  for pair in 'healthy HEALTHY:' 'endpoint-sg-one SG-02'; do
    (cd "$work/files" && "$VPCLAB" run "${pair% *}" -- qemu-aarch64-static ./arm64 check) >"$work/said" || [ $? = 1 ]
    grep -q "^${pair#* }" "$work/said" || die "arm64, ${pair% *}: $(cat "$work/said")"
    head -1 "$work/said"
    sed -n '/^Not checked/,/^$/p' "$work/said"
  done
fi

step "manual pages"
if have mandoc "the manual pages"; then
  mandoc -T lint -W warning dist/build/man/vpcdoctor.1 dist/build/man/vpcdoctor.yaml.5
fi

step "templates"
if command -v cfn-lint >/dev/null; then cfn-lint packaging/cloudformation/*.yaml packaging/ssm/association.yaml; fi
if command -v terraform >/dev/null; then terraform fmt -check packaging/terraform 2>/dev/null; fi

step "sizes"
(cd dist && wc -c -- *_linux_* *.deb *.rpm *.apk ssm/*.zip)
