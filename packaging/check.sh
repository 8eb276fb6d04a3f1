#!/usr/bin/env bash
# What "make test-packaging" looks at after "make packages": dist/ is there.
# Installs only below a temporary directory; sends nothing but inside the
# simulated VPC.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { printf '== %s\n' "$*"; }
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
./usr/lib/systemd/system/vpcdoctor.timer'

step "sums"
(cd dist && sha256sum --quiet -c SHA256SUMS)

step "scripts"
for script in packaging/ssm/*.sh packaging/scripts/*.sh; do sh -n "$script"; done
if have shellcheck "the scripts' style"; then
  shellcheck packaging/ssm/*.sh packaging/scripts/*.sh packaging/check.sh
fi

step "the same source in another directory gives the same bytes"
mkdir "$work/again"
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
  tar -c --null -T - | tar -x -C "$work/again"
find "$work/again" -exec touch -d '2001-02-03' {} +
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || true)
(cd "$work/again" && go run ./packaging/pack -version "$VERSION" -commit "$commit" 2>/dev/null)
cmp dist/SHA256SUMS "$work/again/dist/SHA256SUMS"

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

# A root in which dpkg runs the maintainer scripts: with this machine's programs
# and an empty database.
root=$work/root
mkdir -p "$root"/{usr,etc,var/lib/dpkg/{info,updates},tmp,dev,run}
for d in bin sbin lib lib64; do [ ! -L /$d ] || cp -a /$d "$root/$d"; done
: >"$root/var/lib/dpkg/status"

# The machine's /usr with what the package brings laid over it.
inside() {
  # shellcheck disable=SC2016 # expanded there
  unshare -m --propagation private -- sh -c '
    root=$1; shift
    mkdir -p "$root.up" "$root.work"
    mount -t tmpfs tmpfs "$root.up" && mkdir "$root.up/u" "$root.up/w"
    mount -t overlay overlay -o "lowerdir=/usr,upperdir=$root.up/u,workdir=$root.up/w" "$root/usr" || exit 125
    mount --bind /dev "$root/dev"
    exec chroot "$root" sh -euc "$1"' sh "$root" "$1" </dev/null
}

step "deb: install, keep an edited file over an upgrade, remove, purge"
if [ "$(id -u)" = 0 ]; then
  cp "${deb[0]}" "$root/tmp/vpcdoctor.deb"
  # shellcheck disable=SC2016 # expanded inside
  inside '
    quiet() { "$@" >/tmp/out 2>&1 || { cat /tmp/out; exit 1; }; }
    quiet dpkg --force-not-root --force-bad-path -i /tmp/vpcdoctor.deb
    vpcdoctor version
    [ ! -e /etc/systemd/system/timers.target.wants/vpcdoctor.timer ]
    echo "profiles: [ssm]" >/etc/vpcdoctor/config.yaml
    quiet dpkg --force-confdef --force-confold -i /tmp/vpcdoctor.deb
    grep -qx "profiles: \[ssm\]" /etc/vpcdoctor/config.yaml
    mkdir -p /etc/systemd/system/timers.target.wants /var/lib/vpcdoctor
    ln -s /usr/lib/systemd/system/vpcdoctor.timer /etc/systemd/system/timers.target.wants/
    quiet dpkg -r vpcdoctor
    [ ! -e /usr/bin/vpcdoctor ]
    [ ! -L /etc/systemd/system/timers.target.wants/vpcdoctor.timer ]
    [ -e /etc/vpcdoctor/config.yaml ]
    quiet dpkg -P vpcdoctor
    [ ! -e /etc/vpcdoctor ] && [ ! -e /var/lib/vpcdoctor ]
  ' || die "deb: the life of an installation"
else
  [ -z "${CI:-}" ] || die "needs root"
  echo "SKIP the life of an installation: needs root"
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
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$work/rpm/var/lib/rpm" "$work/rpm/bin"
    rpms=(dist/*.x86_64.rpm)
    r() { rpm --root "$work/rpm" --dbpath /var/lib/rpm --nodeps --noscripts "$@" 2>"$work/err" || { cat "$work/err"; die "rpm $*"; }; }
    r -i "${rpms[0]}"
    "$work/rpm/usr/bin/vpcdoctor" version
    echo 'profiles: [ssm]' >"$work/rpm/etc/vpcdoctor/config.yaml"
    r -U --replacepkgs --oldpackage "${rpms[0]}"
    grep -qx 'profiles: \[ssm\]' "$work/rpm/etc/vpcdoctor/config.yaml" || die "rpm: an edited file was replaced"
    r -e vpcdoctor
    [ ! -e "$work/rpm/usr/bin/vpcdoctor" ] || die "rpm: the program stayed"
    [ -e "$work/rpm/etc/vpcdoctor/config.yaml.rpmsave" ] || die "rpm: the edited file is gone"
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
  sed "s,^ExecStart=/usr/bin/vpcdoctor,ExecStart=$PWD/dist/build/amd64/vpcdoctor," \
    systemd/vpcdoctor.service >"$work/units/vpcdoctor.service"
  for extra in none findings-fail kernel-log; do
    rm -f "$work/units/vpcdoctor.service.d/"*
    [ $extra = none ] || cp systemd/$extra.conf "$work/units/vpcdoctor.service.d/"
    said=$(systemd-analyze verify --man=no "$work/units/vpcdoctor.service" "$work/units/vpcdoctor.timer" 2>&1) || die "$said"
    [ -z "$said" ] || die "systemd-analyze verify, drop-in $extra: $said"
  done
  rm -f "$work/units/vpcdoctor.service.d/"*
  systemd-analyze security --no-pager --offline=true --threshold=30 "$work/units/vpcdoctor.service" | tail -1
fi

step "a booted systemd in the simulated VPC: the sandbox changes no verdict"
if [ "$(id -u)" = 0 ] && [ -x /usr/lib/systemd/systemd ] && grep -q ' cgroup2 ' /proc/mounts; then
  go build -o "$work/vpclab" ./cmd/vpclab
  packaging/booted.sh dist/build/amd64/vpcdoctor "$work/vpclab" \
    healthy healthy/masked healthy/fail endpoint-sg-one egress-closed custom-dns-public hosts-stale \
    imds-local-drop role-without-ssm clock-skew tls-intercept no-endpoints
else
  [ -z "${CI:-}" ] || die "needs root, systemd and cgroup2"
  echo "SKIP: needs root, systemd and cgroup2"
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
