# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Which packages of the distribution each task needs, and a function that
# installs what is missing. Sourced by demo.sh, test.sh and tests/vm/run.sh.
# Works on Debian 12, Debian 13 and Ubuntu 24.04.

packages_build="gcc libc6-dev meson ninja-build pkg-config libseccomp-dev libcap-dev libarchive-dev
	libcjson-dev zlib1g-dev libzstd-dev libmicrohttpd-dev libsystemd-dev nettle-dev libsqlite3-dev
	libnl-route-3-dev libisal-dev libfyaml-dev libgnutls28-dev"
packages_demo="busybox-static python3 curl iproute2 nftables ca-certificates"
packages_demo_debian="mmdebstrap debian-archive-keyring"
packages_unit="libcmocka-dev libldns-dev"
packages_test="bats jq python3 curl iproute2 nftables busybox-static e2fsprogs crun runc zstd xz-utils bzip2
	util-linux procps
	mmdebstrap python3-docker strace openssl bsdutils"
# Whole clients of the API: large, and only for that level.
packages_clients="docker-compose"
packages_vm="qemu-system-x86 cpio kmod busybox-static"
packages_bench="hyperfine"

# The package with virtiofsd moved between releases.
packages_virtiofsd() {
	if [ -n "$(apt-cache search --names-only '^virtiofsd$')" ]; then
		echo virtiofsd
	else
		echo qemu-system-common
	fi
}

package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_updated=
# need_packages NAME...: installs what is missing, and says which.
need_packages() {
	missing=
	for p in "$@"; do
		package_installed "$p" || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "missing packages:$missing; run as root, or: apt-get install$missing" >&2
		return 1
	fi
	echo "installing from the distribution:$missing"
	if [ -z "$apt_updated" ]; then
		apt-get update -qq || return 1
		apt_updated=yes
	fi
	# shellcheck disable=SC2086
	apt_said=$(DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o DPkg::Lock::Timeout=300 $missing 2>&1 </dev/null) || { printf '%s\n' "$apt_said" >&2; return 1; }
}
packages_fault="xfsprogs e2fsprogs"
packages_fuzz="clang libclang-rt-dev"
packages_lint="git clang-format shellcheck cppcheck"
# Peers without daemons, for comparisons and interoperability.
packages_peers="crun runc skopeo umoci"
# Peers that change the host (docker.io starts a service): only for the full bench.
packages_bench_full="podman docker.io"
