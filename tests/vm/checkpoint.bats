# SPDX-License-Identifier: GPL-2.0-or-later
# Checkpoint and restore, where criu works: Debian 12's does on 6.1, not on newer kernels.
load ../harness/daemon

setup_file() {
	command -v criu >/dev/null && criu check >/dev/null 2>&1 || skip "no criu that works on this kernel"
	daemon_setup
}
teardown_file() { daemon_teardown; }
teardown() { crun-lite rm -f c1 >/dev/null 2>&1 || true; }

last() { crun-lite logs c1 2>/dev/null | tail -n 1; }
ended() { [ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = exited ]; }
counted() { [ "$(last)" -ge "$1" ]; }

@test "a counting loop goes on from where it was, in a container like before" {
	local n before
	crun-lite run -d --name c1 --memory 64m -v /etc:/host-etc:ro --tmpfs /scratch busybox sh -c \
		'echo kept >/scratch/f; echo mine >/file; trap "exit 7" TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done'
	wait_until 20 counted 3
	before=$(crun-lite exec c1 sh -c 'grep -E "Cap|Secc|NoNew" /proc/1/status; hostname')
	run crun-lite checkpoint create c1 k1
	[ "$output" = k1 ]
	[ "$(crun-lite inspect -f '{{.State.Status}} {{.State.ExitCode}}' c1)" = "exited 137" ]
	[ "$(crun-lite checkpoint ls c1 | tail -n 1)" = k1 ]
	n=$(last)
	crun-lite start --checkpoint k1 c1
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = running ]
	wait_until 20 counted $((n + 3))
	# Each number once and in order: nothing was said twice, nothing lost.
	[ "$(crun-lite logs c1 | head -n "$((n + 2))" | paste -sd ' ')" = "$(seq -s ' ' "$((n + 2))")" ]
	[ "$(crun-lite exec c1 sh -c 'grep -E "Cap|Secc|NoNew" /proc/1/status; hostname')" = "$before" ]
	[ "$(crun-lite exec c1 cat /scratch/f /file)" = "$(printf 'kept\nmine')" ]
	# What a container may not do it may not do now.
	run crun-lite exec c1 sh -c 'echo x >/host-etc/crl-x || echo 0 >/proc/sys/kernel/pid_max || cat /proc/kcore | wc -c'
	[[ $output == *"Read-only file system"*"Read-only file system"* ]]
	[ "${lines[-1]}" = 0 ]
	local cgroup
	cgroup=/sys/fs/cgroup/docker/$(crun-lite inspect -f '{{.Id}}' c1)
	grep -qx "$(crun-lite inspect -f '{{.State.Pid}}' c1)" "$cgroup/cgroup.procs"
	[ "$(cat "$cgroup/memory.max")" = 67108864 ]
	crun-lite exec c1 ip addr show eth0 | grep -q "inet 172"
	crun-lite stop c1
	[ "$(crun-lite inspect -f '{{.State.ExitCode}}' c1)" = 7 ]
}

@test "leave-running, standard input, and two starts from one checkpoint" {
	crun-lite run -di --name c1 busybox sh -c 'i=0; while read -r l; do i=$((i+1)); echo $i; done; echo 99'
	tell() { echo "$1" | timeout --foreground 3 crun-lite attach --sig-proxy=false c1 >/dev/null || true; }
	tell one
	wait_until 20 counted 1
	crun-lite checkpoint create --leave-running c1 k1
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = running ]
	run crun-lite checkpoint create --leave-running c1 k1
	[[ $output == *"checkpoint with name k1 already exists for container c1"* ]]
	for _ in 1 2; do
		crun-lite kill c1
		wait_until 10 ended
		crun-lite start --checkpoint k1 c1
		tell two
		wait_until 10 counted 2
	done
	[ "$(crun-lite logs c1 | paste -sd ' ')" = "1 2 2" ]
}

@test "what criu cannot keep is said in its words, and the container runs on" {
	crun-lite run -d --name c1 busybox sh -c 'dd if=/dev/zero of=/big bs=1M count=2; exec 3</big; rm /big; echo 1; sleep 1000'
	# A removed file that is still open, above criu's limit of 1 MB.
	wait_until 10 counted 1
	run crun-lite checkpoint create c1 k1
	[ "$status" -ne 0 ]
	[[ $output == *"Cannot checkpoint container c1: criu dump failed: Error (criu/"* ]]
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = running ]
	[ "$(crun-lite checkpoint ls c1 | wc -l)" -eq 1 ]
	[ -z "$(ls -A "$DATA_ROOT/containers/$(crun-lite inspect -f '{{.Id}}' c1)/checkpoints")" ]
}

@test "a damaged checkpoint is no start, and leaves nothing behind" {
	local id dir
	crun-lite run -d --name c1 busybox sleep 1000
	crun-lite checkpoint create c1 k1
	id=$(crun-lite inspect -f '{{.Id}}' c1)
	dir=$DATA_ROOT/containers/$id/checkpoints/k1
	: >"$dir/core-1.img"
	run crun-lite start --checkpoint k1 c1
	[ "$status" -ne 0 ]
	[[ $output == *"criu restore failed: "* ]]
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = exited ]
	[ ! -e "/sys/fs/cgroup/docker/$id" ]
	crun-lite start c1
	[ "$(crun-lite exec c1 echo well)" = well ]
}
