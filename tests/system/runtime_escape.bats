#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Attempts to get out, one or more for every isolation step, each expected to fail.
# Run as root: bats tests/system

load helpers

setup() { make_bundle; }
teardown() { remove_all; }

# --- what the payload holds ---------------------------------------------------

@test "CVE-2022-24769: no inheritable or ambient capabilities, bounding = the set asked for" {
	in_container 'grep Cap /proc/self/status'
	[ "$status" -eq 0 ]
	[[ "$output" == *"CapInh:	0000000000000000"* ]]
	[[ "$output" == *"CapAmb:	0000000000000000"* ]]
	[[ "$output" == *"CapBnd:	00000000a80425fb"* ]]
	[[ "$output" == *"CapEff:	00000000a80425fb"* ]]
}

@test "a user other than root has no capabilities at all" {
	configure '.process.user={"uid":1000,"gid":1000}'
	in_container 'grep -E "CapPrm|CapEff" /proc/self/status'
	[ "$output" = "CapPrm:	0000000000000000
CapEff:	0000000000000000" ]
}

@test "no_new_privs and exactly one seccomp filter" {
	in_container 'grep -E "NoNewPrivs|Seccomp" /proc/self/status'
	[[ "$output" == *"NoNewPrivs:	1"*"Seccomp:	2"*"Seccomp_filters:	1"* ]]
}

@test "the filter is loaded without no_new_privs as well, for root and for others" {
	configure '.process.noNewPrivileges=false'
	in_container 'grep -E "NoNewPrivs|Seccomp:" /proc/self/status'
	[ "$output" = "NoNewPrivs:	0
Seccomp:	2" ]
	configure '.process.user={"uid":1000,"gid":1000}'
	in_container 'grep -E "NoNewPrivs|Seccomp:|CapEff" /proc/self/status'
	[ "$output" = "CapEff:	0000000000000000
NoNewPrivs:	0
Seccomp:	2" ]
}

@test "CVE-2024-21626: descriptors of a careless caller do not reach the payload" {
	configure '.process.args=["probe","count-fds"]'
	run bash -c 'for i in {10..60}; do eval "exec $i</"; done; exec "$0" "$@"' \
		"$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID" 3>&-
	[ "$output" = 0 ]
}

@test "CVE-2024-21626: a working directory under /proc/self/fd is refused" {
	local n
	for n in 3 4 5 6 7 8 9 10 11 12; do
		configure --arg c "/proc/self/fd/$n" '.process.cwd=$c'
		run bash -c 'exec 8</ ; exec "$0" "$@"' "$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID"
		[ "$status" -ne 0 ]
	done
}

@test "CVE-2024-21626: a working directory that is a link to /proc/self/fd is refused" {
	ln -s /proc/self/fd/8 "$ROOTFS/work"
	configure '.process.cwd="/work" | .process.args=["probe","getcwd"]'
	run bash -c 'exec 8</ ; exec "$0" "$@"' "$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
}

@test "the environment is config.json's alone" {
	SECRET=1 in_container 'env | grep SECRET || echo none'
	[ "$output" = none ]
}

@test "keyrings: the host's session keyring is out of reach, keyctl refused" {
	container_exec probe keyring
	[ "$output" = EPERM ]
	configure 'del(.linux.seccomp)'
	container_exec probe keyring
	[[ "$output" =~ ^[0-9]+$ ]]
	[ "$output" != "$("$PROBE" keyring)" ]
}

@test "keyrings: each exec has its own, and none has a name that another container could take" {
	configure 'del(.linux.seccomp) | .process.args=["sleep","100"]'
	rt run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	local one two
	one=$(rt exec "$ID" probe keyring)
	two=$(rt exec "$ID" probe keyring)
	[[ $one =~ ^[0-9]+$ && $two =~ ^[0-9]+$ ]]
	[ "$one" != "$two" ]
	[ "$one" != "$("$PROBE" keyring)" ]
}

@test "TIOCSTI: nothing can be typed into the caller's terminal" {
	configure '.process.args=["probe","tiocsti"] | del(.linux.seccomp)'
	run script -qec "$RUNTIME --root $ROOT run -b $BUNDLE $ID" /dev/null
	[[ "$output" == *EPERM* || "$output" == *EIO* ]]
}

# --- files ----------------------------------------------------------------------

@test "pivot_root: the host's root is in no mount, and .. ends at /" {
	echo host >"$WORK/secret"
	in_container "cat $WORK/secret; cat /proc/1/root$WORK/secret; cat ../../../../..$WORK/secret; wc -l </proc/self/mountinfo"
	[[ "$output" != *host$'\n'* ]]
	[ "${lines[-1]}" -lt 30 ]
}

@test "private mounts: what is mounted inside does not reach the host" {
	configure '.process.capabilities[] += ["CAP_SYS_ADMIN"] | del(.linux.seccomp)'
	configure '.process.args=["sh","-c","mount -t tmpfs leak-probe /tmp && echo mounted; grep -c shared: /proc/self/mountinfo"]'
	# A host whose mounts are all shared, as systemd makes them.
	run unshare -m --propagation private bash -c '
		mount --make-rshared /
		"$0" "$@"
		grep -c leak-probe /proc/self/mountinfo' "$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID"
	[ "${lines[0]}" = mounted ]
	[ "${lines[1]}" = 0 ]
	[ "${lines[2]}" = 0 ]
}

@test "CVE-2022-0492 and relatives: kernel handles are not writable" {
	local f
	for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sysrq-trigger \
		/proc/irq/default_smp_affinity /sys/kernel/uevent_helper /sys/fs/cgroup/cgroup.procs; do
		container_exec probe write "$f"
		[[ "$output" =~ ^(EROFS|EACCES|ENOENT|EPERM)$ ]]
	done
}

@test "masked paths answer nothing" {
	in_container 'cat /proc/keys /proc/timer_list /proc/interrupts | wc -c; ls /proc/acpi /sys/firmware 2>/dev/null | grep -c -v -e : -e "^$"'
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = 0 ]
}

@test "CVE-2025-31133: masks survive an image whose /dev/null is a link" {
	mkdir "$ROOTFS/dev"
	ln -s /proc/sys/kernel/core_pattern "$ROOTFS/dev/null"
	in_container 'cat /proc/keys | wc -c; cat /proc/self/mountinfo | grep -c "/proc/keys"; stat -c %t:%T /dev/null'
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = 1 ]
	[ "${lines[2]}" = 1:3 ]
}

@test "CVE-2026-88265: without a /dev mount, a linked /dev/null is refused and not followed" {
	mkdir "$ROOTFS/dev"
	touch "$WORK/victim"
	ln -s "$WORK/victim" "$ROOTFS/dev/null"
	configure '.mounts |= map(select(.destination|startswith("/dev")|not))'
	in_container true
	[ "$status" -ne 0 ]
	[[ "$output" == */dev/null* ]]
	[ "$(stat -c %F "$WORK/victim")" = "regular empty file" ]
}

@test "CVE-2026-41579, CVE-2026-47766: an image whose /dev is a link makes nothing on the host" {
	mkdir "$WORK/victim"
	ln -s "$WORK/victim" "$ROOTFS/dev"
	configure '.mounts |= map(select(.destination|startswith("/dev")|not))'
	in_container true
	[ "$status" -ne 0 ]
	[ -z "$(ls -A "$WORK/victim")" ]
}

@test "CVE-2023-27561: an image whose /proc or /sys is a link is refused" {
	mkdir "$ROOTFS/elsewhere"
	ln -s elsewhere "$ROOTFS/proc"
	in_container true
	[ "$status" -ne 0 ]
	[[ "$output" == *"/proc must be an ordinary directory"* ]]
	rm "$ROOTFS/proc"
	ln -s elsewhere "$ROOTFS/sys"
	in_container true
	[ "$status" -ne 0 ]
	[[ "$output" == *"/sys must be an ordinary directory"* ]]
}

@test "CVE-2019-16884: a volume over /proc or inside of it is refused" {
	mkdir "$WORK/fake"
	configure --arg s "$WORK/fake" '.mounts += [{"destination":"/proc","type":"bind","source":$s,"options":["rbind"]}]'
	in_container true
	[ "$status" -ne 0 ]
	configure '.mounts[-1].destination="/proc/self/attr"'
	in_container true
	[ "$status" -ne 0 ]
	[[ "$output" == *"inside /proc is refused"* ]]
}

@test "CVE-2024-45310: mount points behind a link are made inside the root, not on the host" {
	mkdir "$WORK/victim" "$WORK/data"
	ln -s "$WORK/victim" "$ROOTFS/vol"
	configure --arg s "$WORK/data" '.mounts += [{"destination":"/vol/a/b","type":"bind","source":$s,"options":["rbind"]}]'
	in_container true
	[ -z "$(ls -A "$WORK/victim")" ]
}

@test "CVE-2021-30465: a mount point exchanged with a link while containers start" {
	mkdir -p "$WORK/vol/dir" "$WORK/victim"
	ln -s / "$WORK/vol/link"
	"$PROBE" exchange "$WORK/vol/dir" "$WORK/vol/link" &
	local racer=$! i
	configure --arg s "$WORK/vol" '.mounts += [{"destination":"/vol","type":"bind","source":$s,"options":["rbind"]},
		{"destination":"/vol/dir/in","type":"tmpfs","source":"race-probe","options":[]}]
		| .process.args=["sh","-c","ls -A /in 2>/dev/null; echo"]'
	for i in $(seq 60); do
		rt run -b "$BUNDLE" "$ID" >/dev/null 2>&1 || true
		[ ! -e /in ]
	done
	kill "$racer"
	refute grep -q race-probe /proc/self/mountinfo
}

@test "CVE-2025-52565: the console is our own pty, whatever the image has at /dev/pts/0 and /dev/console" {
	mkdir -p "$ROOTFS/dev/pts"
	ln -s /proc/sys/kernel/core_pattern "$ROOTFS/dev/pts/0"
	touch "$WORK/victim"
	ln -s "$WORK/victim" "$ROOTFS/dev/console"
	configure '.process.terminal=true | .process.args=["sh","-c","tty; stat -c %t /dev/console; exit 5"]'
	run script -qec "$RUNTIME --root $ROOT run -b $BUNDLE $ID" /dev/null
	[ "$status" -eq 5 ]
	[[ "$output" == *"/dev/pts/0"*88* ]]
}

@test "CVE-2026-88264: a linked /dev/console is refused when /dev is the image's" {
	mkdir "$ROOTFS/dev"
	touch "$WORK/victim"
	ln -s "$WORK/victim" "$ROOTFS/dev/console"
	configure '.mounts |= map(select(.destination=="/dev" or .destination=="/dev/shm" or .destination=="/dev/mqueue"|not)) | .process.terminal=true'
	run script -qec "$RUNTIME --root $ROOT run -b $BUNDLE $ID" /dev/null
	[ "$status" -ne 0 ]
	[[ "$output" == *"/dev/console"* ]]
}

@test "a fifo or a giant in the place of /etc/passwd does not hang or exhaust a start" {
	rm "$ROOTFS/etc/passwd"
	mkfifo "$ROOTFS/etc/passwd"
	run timeout 5 "$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
}

@test "a read-only root cannot be written" {
	configure '.root.readonly=true'
	in_container 'touch /x'
	[[ "$output" == *"Read-only file system"* ]]
}

# --- kernel interfaces ----------------------------------------------------------

@test "devices: the host's disks, memory and tun cannot be opened even after mknod" {
	local d
	for d in "b 8 0" "b 7 0" "b 254 0" "c 1 1" "c 10 200" "c 10 229"; do
		# shellcheck disable=SC2086
		container_exec probe device $d
		[ "$output" = EPERM ]
	done
	container_exec probe device c 1 3
	[ "$output" = ok ]
}

@test "seccomp: what Docker refuses is refused" {
	local c
	# keyctl bpf perf_event_open userfaultfd io_uring_setup kexec_load swapon pivot_root mount unshare
	for c in 250 321 298 323 425 246 167 155 165; do
		container_exec probe syscall "$c"
		[ "$output" = EPERM ]
	done
	container_exec probe socket 38
	[ "$output" = EPERM ]
	container_exec probe socket 40
	[ "$output" = EPERM ]
	container_exec probe socket 1
	[ "$output" = ok ]
	# The i386 entry, whose socketcall(2) has the family behind a pointer.
	for c in 38 40; do
		container_exec probe socketcall "$c"
		[[ "$output" =~ ^(EPERM|ENOSYS)$ ]]
	done
	container_exec probe personality 0x0040000
	[ "$output" = EPERM ]
}

@test "seccomp: clone3 and calls of the future answer ENOSYS, so that libraries fall back" {
	container_exec probe syscall 435
	[ "$output" = ENOSYS ]
	container_exec probe syscall 999
	[ "$output" = ENOSYS ]
}

@test "seccomp: no new namespaces, neither by unshare nor by clone" {
	local f
	for f in 0x10000000 0x20000 0x40000000 0x20000000; do
		container_exec probe unshare "$f"
		[ "$output" = EPERM ]
		container_exec probe clone "$f"
		[ "$output" = EPERM ]
	done
	container_exec probe clone 0
	[ "$output" = ok ]
}

@test "sysctl: only what belongs to the container's namespaces" {
	configure '.linux.sysctl={"kernel.core_pattern":"|/x"}'
	in_container true
	[ "$status" -ne 0 ]
	configure '.linux.sysctl={"net.ipv4.ip_forward":"1"} | .linux.namespaces |= map(select(.type!="network"))'
	in_container true
	[ "$status" -ne 0 ]
	configure '.linux.sysctl={"net.ipv4.ip_forward":"1","kernel.msgmax":"4096"} | .linux.namespaces += [{"type":"network"}]'
	in_container 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax'
	[ "$output" = "1
4096" ]
}

@test "cgroup: a path with .. is refused" {
	configure '.linux.cgroupsPath="/x/../../y"'
	in_container true
	[ "$status" -ne 0 ]
	[[ "$output" == *'".." is refused'* ]]
}

@test "cgroup: the view begins at the container's own group" {
	in_container 'grep ^0:: /proc/self/cgroup'
	[ "$output" = "0::/" ]
}

@test "namespaces: each is the container's own" {
	local ns
	in_container 'for n in mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done'
	for ns in mnt pid net ipc uts cgroup; do
		[[ "$output" != *"$(readlink /proc/self/ns/$ns)"* ]]
	done
	[ "${#lines[@]}" -eq 6 ]
}

# --- the runtime's own program ---------------------------------------------------

@test "CVE-2019-5736: an entry point #!/proc/self/exe cannot overwrite the runtime" {
	local i lib
	printf '#!/proc/self/exe\n' >"$ROOTFS/bin/evil"
	chmod +x "$ROOTFS/bin/evil"
	# All that the runtime's program needs to run in there, and the attacker's constructor.
	for lib in $(ldd "$RUNTIME" | grep -o '/[^ ]*'); do
		mkdir -p "$ROOTFS$(dirname "$lib")"
		cp -L "$lib" "$ROOTFS$lib"
	done
	cp "$BUILD/tests/system/crl-evil.so" "$ROOTFS/evil.so"
	echo /evil.so >"$ROOTFS/etc/ld.so.preload"
	configure '.process.args=["/bin/evil"]'
	rt run -d -b "$BUNDLE" "$ID" </dev/null >"$WORK/out" 2>&1 3>&-
	for i in $(seq 80); do [ -e "$ROOTFS/result" ] && break; sleep 0.1; done
	cat "$WORK/out"
	[ "$(cat "$ROOTFS/result")" = EPERM ]
}

@test "CVE-2016-9962, CVE-2019-5736: a watcher inside never sees the host while exec joins" {
	configure '.process.args=["sleep","100"] | .process.capabilities[] += ["CAP_SYS_PTRACE"]'
	rt run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	rt exec "$ID" probe watch 3 >"$WORK/watch.log" 3>&- &
	local watcher=$! i
	sleep 0.3
	# A careless caller: a folder of the host is open, without close-on-exec.
	exec 9</
	for i in $(seq 200); do rt exec "$ID" true; done
	exec 9<&-
	wait "$watcher"
	cat "$WORK/watch.log"
	refute grep -q SEEN "$WORK/watch.log"
	[ "$(sed -n 's/watched \([0-9]*\) .*/\1/p' "$WORK/watch.log")" -gt 5 ]
	grep -q "a runtime" "$WORK/watch.log"
}

@test "ids and bundles with / or .. are refused" {
	local id
	for id in ../x a/b .hidden '' 'a b' $'a\nb'; do
		run rt run -b "$BUNDLE" "$id"
		[ "$status" -ne 0 ]
	done
}

@test "--no-pivot is refused" {
	run rt run --no-pivot -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"no-pivot is refused"* ]]
}
