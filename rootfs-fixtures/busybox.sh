#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# busybox:latest as a docker-archive, from the distribution's busybox-static.
# usage: busybox.sh OUT.tar [NAME:TAG]
# The same package gives the same bytes. No root, no docker, no network needed
# (without the package installed it is downloaded, but not installed).
set -eu
umask 022
# shellcheck source=rootfs-fixtures/lib.sh
. "$(dirname "$0")/lib.sh"

case $# in
1 | 2) ;;
*) fixture_die "usage: busybox.sh OUT.tar [NAME:TAG]" ;;
esac
out=$1
name=${2:-busybox:latest}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# A busybox that asks for a dynamic loader would not start in an empty root. Linkers
# put the loader's name (PT_INTERP) right behind the program headers.
is_static() {
	[ -x "$1" ] && ! head -c 4096 "$1" | grep -qa '/ld[-a-z0-9_.]*\.so'
}

bin=
for candidate in "${BUSYBOX:-}" /bin/busybox /usr/bin/busybox; do
	if [ -n "$candidate" ] && is_static "$candidate"; then
		bin=$candidate
		break
	fi
done
if [ -z "$bin" ]; then
	(cd "$work" && apt-get -q download busybox-static >&2) ||
		fixture_die "busybox-static is missing: apt-get install busybox-static"
	dpkg -x "$work"/busybox-static_*.deb "$work/deb"
	for candidate in "$work/deb/bin/busybox" "$work/deb/usr/bin/busybox"; do
		if is_static "$candidate"; then
			bin=$candidate
		fi
	done
	[ -n "$bin" ] || fixture_die "the package busybox-static holds no static busybox"
fi

root=$work/root
mkdir -p "$root"
cd "$root"
mkdir -p bin dev etc home proc root run sys tmp usr/bin usr/sbin usr/local/bin sbin \
	var/log var/spool/mail var/tmp var/www
chmod 0700 root
chmod 1777 tmp var/tmp
cp "$bin" bin/busybox
chmod 0755 bin/busybox
# All in /bin as in the official image; the others by links, since scripts name them.
for applet in $(bin/busybox --list); do
	case $applet in
	busybox | linuxrc | init) ;;
	*) ln -s busybox "bin/$applet" ;;
	esac
done
ln -s ../../bin/env usr/bin/env
ln -s ../run var/run

cat >etc/passwd <<-'END'
	root:x:0:0:root:/root:/bin/sh
	daemon:x:1:1:daemon:/usr/sbin:/bin/false
	bin:x:2:2:bin:/bin:/bin/false
	sys:x:3:3:sys:/dev:/bin/false
	sync:x:4:100:sync:/bin:/bin/sync
	mail:x:8:8:mail:/var/spool/mail:/bin/false
	www-data:x:33:33:www-data:/var/www:/bin/false
	operator:x:37:37:Operator:/var:/bin/false
	nobody:x:65534:65534:nobody:/home:/bin/false
END
cat >etc/group <<-'END'
	root:x:0:
	daemon:x:1:
	bin:x:2:
	sys:x:3:
	adm:x:4:
	tty:x:5:
	disk:x:6:
	lp:x:7:
	mail:x:8:
	kmem:x:9:
	wheel:x:10:root
	cdrom:x:11:
	dialout:x:18:
	floppy:x:19:
	video:x:28:
	audio:x:29:
	tape:x:32:
	www-data:x:33:
	operator:x:37:
	utmp:x:43:
	plugdev:x:46:
	staff:x:50:
	users:x:100:
	nogroup:x:65534:
END
printf 'root:*:::::::\nnobody:*:::::::\n' >etc/shadow
chmod 0640 etc/shadow
printf 'hosts: files dns\n' >etc/nsswitch.conf
printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' >etc/hosts
cd - >/dev/null

# Owners are fixed here, not by chown, so that no root is needed.
TAR_OPTIONS="--owner=0 --group=0" fixture_tar "$work/layer.tar" "$root"
fixture_image "$work/layer.tar" "$name" '["sh"]' "$out" "$work"
