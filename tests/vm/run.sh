#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs a command in a virtual machine with a stock distribution kernel and a
# pure cgroup v2 hierarchy with all controllers; the machine sees the host's
# files copy-on-write.
#
#	tests/vm/run.sh [-i] [-k KERNEL-PATTERN] [-t SECONDS] [-m MEGABYTES] COMMAND [ARG...]
#
# -i connects our standard input to the command (tests/vm/run.sh -i bash: a shell).
# The command runs as root in the current directory; its exit status is ours
# (124 = time-out, 125 = the machine did not come up). /tmp and /run are empty
# tmpfs; /data is an ext4 file system of 2 GB for a data root.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/harness/packages.sh"

kernel_pattern='' limit=600 memory=2048 input=/dev/null guest_input=/dev/null
while getopts ik:t:m: opt; do
	case $opt in
	i) input=/dev/stdin guest_input=/dev/ttyS0 ;;
	k) kernel_pattern=$OPTARG ;;
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '7,12s/^# \?//p' "$0"; exit 2; }

cache=$top/build-vm
mkdir -p "$cache"

# Modules of the suites, by name; builtin ones give no file.
modules="virtio_pci virtiofs overlay veth bridge br_netfilter nf_tables nft_chain_nat nft_masq nft_ct
	nft_nat nft_redir nft_numgen nft_fib_inet nft_reject_inet nft_limit nf_conntrack_netlink tun
	loop dummy macvlan ipvlan 8021q ext4 xfs quota_v2"

# The newest kernel package that matches: downloaded and unpacked, never installed.
find_kernel() {
	apt-cache search --names-only '^linux-image-[0-9].*(cloud-amd64|-kvm|-generic)$' |
		awk '{print $1}' | grep -v unsigned | grep -E "${kernel_pattern:-.}" | {
		if apt-cache search --names-only '^linux-image-[0-9].*cloud-amd64$' | grep -q .; then
			grep cloud
		else
			grep generic
		fi
	} | sort -V | tail -n 1
}

unpack_kernel() {
	local package=$1 dir=$2
	rm -rf "$dir.new" && mkdir -p "$dir.new/deb" || return 1
	local extra=
	[ -n "$(apt-cache search --names-only "^${package/image/modules}$")" ] &&
		extra=${package/image/modules}
	# shellcheck disable=SC2086
	(cd "$dir.new/deb" && apt-get download -q $package $extra >/dev/null 2>&1) || return 1
	for deb in "$dir.new"/deb/*.deb; do
		dpkg -x "$deb" "$dir.new" || return 1
	done
	rm -rf "$dir.new/deb" "$dir"
	[ -d "$dir.new/lib/modules" ] || { mkdir -p "$dir.new/lib"; mv "$dir.new/usr/lib/modules" "$dir.new/lib/"; }
	depmod -b "$dir.new" "$(ls "$dir.new/lib/modules")" || return 1
	mv "$dir.new" "$dir"
}

add_modules() {
	local kernel=$1 root=$2 version file
	version=$(ls "$kernel/lib/modules")
	mkdir -p "$root/modules"
	: >"$root/modules/order"
	for m in $modules; do
		modprobe -d "$kernel" -S "$version" --show-depends "$m" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r file; do
		local name
		name=$(basename "$file")
		case $name in
		*.xz) xz -dc "$file" >"$root/modules/${name%.xz}"; name=${name%.xz} ;;
		*.zst) zstd -qdc "$file" >"$root/modules/${name%.zst}"; name=${name%.zst} ;;
		*) cp "$file" "$root/modules/$name" ;;
		esac
		echo "$name" >>"$root/modules/order"
	done
}

need_packages $packages_vm || exit 125
[ -n "$(apt-cache search --names-only '^linux-image-[0-9].*amd64$' | head -n 1)" ] || apt-get update -qq
need_packages "$(packages_virtiofsd)" || exit 125
virtiofsd=
for f in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do [ -x $f ] && virtiofsd=$f && break; done
[ -n "$virtiofsd" ] || { echo "vm: no virtiofsd"; exit 125; }

package=$(find_kernel)
[ -n "$package" ] || { echo "vm: no kernel package found (pattern '$kernel_pattern')"; exit 125; }
kernel=$cache/$package
[ -d "$kernel" ] || unpack_kernel "$package" "$kernel" || { echo "vm: cannot unpack $package"; exit 125; }

work=$(mktemp -d)
fs_pid='' qemu_pid=''
cleanup() {
	[ -n "$qemu_pid" ] && kill "$qemu_pid" 2>/dev/null
	[ -n "$fs_pid" ] && kill "$fs_pid" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

root=$work/initramfs
mkdir -p "$root"/{bin,proc,sys,dev}
cp "$(command -v busybox)" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
cp "$here/init" "$root/init"
add_modules "$kernel" "$root"
for v in PATH CRUN_LITE_LIBEXEC CRUN_LITE_BUILD CI VM_ONLY VM_FULL BATS BATS_TIMEOUT VERBOSE; do
	[ -z "${!v:-}" ] || printf 'export %s=%q\n' "$v" "${!v}"
done >"$root/vm-env"
{
	echo '. /tmp/vm-env'
	echo 'mkdir -p /data && truncate -s 2G /dev/shm/data.img && mkfs.ext4 -q /dev/shm/data.img && mount -o loop /dev/shm/data.img /data'
	printf 'cd %q\n' "$PWD"
	printf '%q ' "$@"
	printf '<%s\necho "status=$?" >/dev/ttyS1\nsync\npoweroff -f 2>/dev/null || /bin/busybox poweroff -f\n' "$guest_input"
} >"$root/vm-command"
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/initrd"

if [ "$("$virtiofsd" --help 2>&1 | grep -c -- --shared-dir)" -gt 0 ]; then
	"$virtiofsd" --socket-path="$work/fs.sock" --shared-dir=/ --sandbox=chroot --cache=always \
		>"$work/fs.log" 2>&1 &
else
	"$virtiofsd" --socket-path="$work/fs.sock" -o source=/,sandbox=chroot,cache=always \
		>"$work/fs.log" 2>&1 &
fi
fs_pid=$!
for _ in $(seq 100); do [ -S "$work/fs.sock" ] && break; sleep 0.05; done

# /dev/kvm may exist and not work: the guest is started with whatever runs.
accel='tcg,thread=multi' cpu=max
if [ -w /dev/kvm ] && grep -qE '\b(vmx|svm)\b' /proc/cpuinfo; then accel=kvm cpu=host; fi

timeout --foreground "$limit" qemu-system-x86_64 -accel $accel -cpu $cpu -smp 2 -m "$memory" \
	-object memory-backend-memfd,id=mem,size="${memory}M",share=on -numa node,memdev=mem \
	-chardev socket,id=fs,path="$work/fs.sock" \
	-device vhost-user-fs-pci,chardev=fs,tag=host,queue-size=512 \
	-kernel "$kernel"/boot/vmlinuz-* -initrd "$work/initrd" \
	-append "console=ttyS0 quiet loglevel=3 panic=-1 random.trust_cpu=on systemd.unified_cgroup_hierarchy=1" \
	-display none -monitor none -nodefaults -no-reboot \
	-chardev stdio,id=con,signal=off -serial chardev:con -serial "file:$work/status" \
	<$input > >(sed -u 's/\r//g; /reboot: Power down/d') &
qemu_pid=$!
wait "$qemu_pid"
qemu_status=$?
qemu_pid=
[ $qemu_status -eq 124 ] && { echo "vm: time-out after $limit s"; exit 124; }
status=$(sed -n 's/^status=\([0-9]*\).*/\1/p' "$work/status" 2>/dev/null | tail -n 1)
[ -n "$status" ] || { echo "vm: the machine ended without a status (qemu: $qemu_status)"; exit 125; }
exit "$status"
