#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# debian:SUITE as a docker-archive, made with mmdebstrap from the host's package
# archive. usage: debian.sh OUT.tar [SUITE]   (default bookworm; as root)
# The layer is kept in out/ and made anew when the archive's Release files have
# changed, so that the second call takes a second. The host's sources for the
# suite and their keys go into the image: `RUN apt-get update` works where the
# host's does.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=rootfs-fixtures/lib.sh
. "$here/lib.sh"

case $# in
1 | 2) ;;
*) fixture_die "usage: debian.sh OUT.tar [SUITE]" ;;
esac
out=$1
suite=${2:-bookworm}
case $suite in
*[!a-z0-9-]*) fixture_die "not a suite's name: $suite" ;;
esac
cache=$here/out
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# The mirror the host itself uses for Debian; on other hosts, Debian's own.
host_mirror() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\(https\{0,1\}:[^ ]*\) .*/\2/p' |
		grep '/debian/*$' | head -n 1
	cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
		sed -n 's/^URIs: *\(https\{0,1\}:[^ ]*\).*/\1/p' | grep '/debian/*$' | head -n 1
}
mirror=${DEBIAN_MIRROR:-$(host_mirror | head -n 1)}
mirror=${mirror:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

stamp() {
	echo "$suite $mirror $(fixture_arch) $(sha256sum <"$here/debian.sh")"
	if command -v curl >/dev/null; then
		curl -fsS --max-time 20 "$mirror/dists/$suite/InRelease" 2>/dev/null | sha256sum
	fi
}

build_layer() {
	command -v mmdebstrap >/dev/null || fixture_die "mmdebstrap is missing: apt-get install mmdebstrap"
	[ "$(id -u)" -eq 0 ] || fixture_die "must be root"
	set -- --mode=root --variant=minbase --format=directory \
		--aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*'
	[ ! -f "$keyring" ] || set -- "$@" --keyring="$keyring"
	# Host options that apt needs for its mirror (a proxy, a trusted key) come with the host's files.
	SOURCE_DATE_EPOCH=$FIXTURE_EPOCH mmdebstrap "$@" "$suite" "$work/root" "$mirror" >&2
	tidy "$work/root"
	fixture_tar "$work/layer.tar" "$work/root"
	mkdir -p "$cache"
	mv "$work/layer.tar" "$cache/debian-$suite.layer.tar"
	stamp >"$cache/debian-$suite.stamp"
}

# Everything that differs between two runs on the same packages goes.
tidy() { # ROOT
	rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb \
		"$1"/var/cache/ldconfig/* "$1"/var/log/*.log "$1"/var/log/apt/* \
		"${1:?}"/dev/* "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/var/cache/debconf/*-old \
		"$1"/var/lib/dpkg/*-old "${1:?}"/tmp/* "${1:?}"/run/*
	: >"$1/etc/machine-id"
	# Services are not to be started while packages are installed.
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 0755 "$1/usr/sbin/policy-rc.d"
	printf 'Apt::AutoRemove::SuggestsImportant "false";\nAcquire::GzipIndexes "true";\nAcquire::Languages "none";\n' \
		>"$1/etc/apt/apt.conf.d/docker-minimal"
	printf 'force-unsafe-io\n' >"$1/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
	# What the host's apt needs to reach its archive: a proxy, certificates of an inner authority.
	for conf in /etc/apt/apt.conf /etc/apt/apt.conf.d/*proxy*; do
		[ ! -f "$conf" ] || cp "$conf" "$1/etc/apt/apt.conf.d/"
	done
}

current() {
	[ -s "$cache/debian-$suite.layer.tar" ] &&
		[ "$(stamp)" = "$(cat "$cache/debian-$suite.stamp" 2>/dev/null)" ]
}

current || build_layer
cp "$cache/debian-$suite.layer.tar" "$work/layer.tar"
fixture_image "$work/layer.tar" "debian:$suite" '["bash"]' "$out" "$work"
