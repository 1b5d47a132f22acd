# SPDX-License-Identifier: GPL-2.0-or-later
# The disk of the data root fills up or is read-only: what runs can be seen and stopped, exit
# statuses are kept, and the daemon starts or says why not. A small ext4 in a file.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() {
	DISK=$CRL/disk
	truncate -s 96M "$CRL/disk.img"
	mkfs.ext4 -q -F "$CRL/disk.img"
	mkdir -p "$DISK"
	mount -o loop "$CRL/disk.img" "$DISK" || skip "no loop devices"
}
teardown() {
	daemon_stop
	umount -l "$DISK"
	rm -f "$CRL/disk.img"
	daemon_start
}
@test "a full disk: ps, logs, stop and a restart of the daemon work; room again, all works again" {
	daemon_stop
	DATA_ROOT=$DISK/data daemon_start
	crun-lite load -q -i "$(busybox_archive)" >/dev/null
	crun-lite create --name c0 busybox sh -c 'exit 4'
	crun-lite run -d --name c1 busybox sh -c 'while [ ! -e /go ]; do echo spam; sleep 0.1; done; exit 42'
	dd if=/dev/zero of="$DISK/fill" bs=1M 2>/dev/null || true
	dd if=/dev/zero of="$DISK/fill2" bs=1k 2>/dev/null || true
	timeout 3 crun-lite ps -a | grep c1
	timeout 3 crun-lite logs c1 | grep -q spam
	timeout 3 crun-lite inspect c1 >/dev/null
	run timeout 5 crun-lite run --rm busybox true
	[[ $status -eq 125 && $output == *"No space left"* ]]
	timeout 5 crun-lite kill -s TERM c1
	timeout 12 crun-lite stop -t 1 c1
	daemon_stop
	DATA_ROOT=$DISK/data daemon_start
	[ "$(crun-lite inspect -f '{{.State.Status}} {{.State.ExitCode}}' c1)" = "exited 137" ]
	rm "$DISK/fill" "$DISK/fill2"
	crun-lite start c0
	[ "$(crun-lite wait c0)" = 4 ]
	crun-lite rm -f c0 c1
}
@test "a read-only disk: the daemon refuses to start in one clear sentence" {
	daemon_stop
	DATA_ROOT=$DISK/data daemon_start
	daemon_stop
	mount -o remount,ro "$DISK"
	DATA_ROOT=$DISK/data run daemon_start
	[ "$status" -ne 0 ]
	tail -n 1 "$CRL/daemon.log" | grep -qi 'read-only'
}
