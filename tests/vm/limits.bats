# SPDX-License-Identifier: GPL-2.0-or-later
# Limits as the kernel enforces them; needs a cgroup v2 hierarchy with controllers.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

in_cgroup() { # FILE: of the container "c"
	cat "/sys/fs/cgroup/docker/$(crun-lite inspect -f '{{.Id}}' c1)/$1"
}

teardown() { crun-lite rm -f c1 >/dev/null 2>&1 || true; }

@test "memory: the limit is in the cgroup and a process over it is killed" {
	crun-lite run -d --name c1 --memory 32m busybox sleep 60
	[ "$(in_cgroup memory.max)" = 33554432 ]
	crun-lite rm -f c1
	run crun-lite run --name c1 --memory 32m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=128M count=1; echo survived'
	[[ $output != *survived* ]] || [[ $output == *Killed* ]]
	run crun-lite run --name c2 --memory 32m busybox dd if=/dev/zero of=/dev/null bs=128M count=1
	[ "$status" -eq 137 ]
	[ "$(crun-lite inspect -f '{{.State.OOMKilled}}' c2)" = true ]
	crun-lite rm c2
}

@test "memory-swap: docker's sum becomes v2's swap alone" {
	crun-lite run -d --name c1 --memory 32m --memory-swap 48m busybox sleep 60
	[ "$(in_cgroup memory.swap.max)" = 16777216 ]
}

@test "cpus: a spinning container gets what it was given" {
	crun-lite run -d --name c1 --cpus 0.2 busybox sh -c 'while :; do :; done'
	[ "$(in_cgroup cpu.max)" = "20000 100000" ]
	local a b
	a=$(in_cgroup cpu.stat | awk '$1 == "usage_usec" {print $2}')
	sleep 3
	b=$(in_cgroup cpu.stat | awk '$1 == "usage_usec" {print $2}')
	# 0.2 of three seconds, with room for the emulated clock.
	[ $((b - a)) -lt 1200000 ]
	[ "$(in_cgroup cpu.stat | awk '$1 == "nr_throttled" {print $2}')" -gt 0 ]
}

@test "cpu-shares: become the weight" {
	crun-lite run -d --name c1 --cpu-shares 2048 busybox sleep 60
	[ "$(in_cgroup cpu.weight)" -gt 100 ]
}

@test "pids-limit: a fork bomb stays inside" {
	crun-lite run -d --name c1 --pids-limit 16 busybox sleep 60
	[ "$(in_cgroup pids.max)" = 16 ]
	run crun-lite exec c1 sh -c 'for i in $(seq 40); do sleep 30 & done; wait'
	[[ $output == *"can't fork"* || $status -ne 0 ]]
	[ "$(in_cgroup pids.current)" -le 16 ]
	[ "$(in_cgroup pids.events | awk '{print $2}')" -gt 0 ]
}

@test "cpuset-cpus: the container sees only those" {
	crun-lite run -d --name c1 --cpuset-cpus 1 busybox sleep 60
	[ "$(in_cgroup cpuset.cpus.effective)" = 1 ]
}

@test "no warning is given where every controller is there" {
	run crun-lite run --rm --memory 32m --cpus 0.5 --pids-limit 20 busybox true
	[ "$status" -eq 0 ]
	[[ $output != *WARNING* ]]
}

@test "the container sees its own cgroup as the root, read-only" {
	run crun-lite run --rm --memory 32m busybox sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup/memory.max; echo 1 >/sys/fs/cgroup/memory.max'
	[ "${lines[0]}" = "0::/" ]
	[ "${lines[1]}" = 33554432 ]
	[[ ${lines[2]} == *"Read-only file system"* ]]
}

@test "stats: memory and pids come from the cgroup" {
	crun-lite run -d --name c1 --memory 64m --pids-limit 20 busybox sleep 60
	run crun-lite stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c1
	[[ $output == *"/ 64MiB 1" ]]
}

@test "update: a running container's limit changes" {
	crun-lite run -d --name c1 --memory 32m busybox sleep 60
	curl -fsS --unix-socket "$CRL/s" -H 'Content-Type: application/json' \
		-d '{"Memory":67108864,"MemorySwap":67108864}' http://d/containers/c1/update
	[ "$(in_cgroup memory.max)" = 67108864 ]
}

@test "pause: nothing of the container runs" {
	crun-lite run -d --name c1 busybox sh -c 'while :; do :; done'
	crun-lite pause c1
	[ "$(in_cgroup cgroup.events | awk '$1 == "frozen" {print $2}')" = 1 ]
	crun-lite unpause c1
	[ "$(in_cgroup cgroup.events | awk '$1 == "frozen" {print $2}')" = 0 ]
}
