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

@test "oom: the event is told" {
	local since
	since=$(date +%s)
	run crun-lite run --name c1 --memory 16m busybox dd if=/dev/zero of=/dev/null bs=64M count=1
	[ "$status" -eq 137 ]
	run crun-lite events --since "$since" --until "$(($(date +%s) + 1))" --filter event=oom --filter container=c1
	[ "$status" -eq 0 ]
	[[ $output == *" oom "* ]]
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

@test "device-write-bps and blkio-weight-device: the disk's own lines" {
	local disk id
	disk=$(findmnt -no SOURCE /data)
	id=$(printf '%d:%d' "0x$(stat -c %t "$disk")" "0x$(stat -c %T "$disk")")
	crun-lite run -d --name c1 --device-write-bps "$disk:1mb" --device-read-iops "$disk:100" busybox sleep 60
	[ "$(in_cgroup io.max)" = "$id rbps=max wbps=1048576 riops=100 wiops=max" ]
	crun-lite rm -f c1
	# A kernel without the file for weights says so, one with it has the value.
	run crun-lite run -d --name c1 --blkio-weight 500 busybox sleep 60
	[ "$status" -eq 0 ]
	if [ -e "/sys/fs/cgroup/docker/$(crun-lite inspect -f '{{.Id}}' c1)/io.weight" ]; then
		[ "$(in_cgroup io.weight)" = "default 4950" ]
	fi
}

@test "devices: a node of a disk can be made but not opened" {
	run crun-lite run --rm --cap-add MKNOD busybox sh -c 'mknod /tmp-disk b 8 0 && head -c 1 /tmp-disk'
	[ "$status" -ne 0 ]
	[[ $output == *"Operation not permitted"* ]]
	local disk
	disk=$(findmnt -no SOURCE /data)
	run crun-lite run --rm --device "$disk:/dev/given:r" busybox sh -c 'head -c 1 /dev/given >/dev/null && echo read; : >>/dev/given'
	[[ $output == read* ]]
	[[ $output == *"Operation not permitted"* || $output == *"can't create"* ]]
}

@test "info: version 2, and nothing is missing" {
	[ "$(crun-lite info -f '{{.CgroupVersion}}')" = 2 ]
	run curl -fsS --unix-socket "$CRL/s" http://d/info
	[ "$(jq -c '[.MemoryLimit,.SwapLimit,.CpuCfsQuota,.CPUShares,.CPUSet,.PidsLimit]' <<<"$output")" = '[true,true,true,true,true,true]' ]
	[ "$(jq -r '.Warnings // [] | map(select(test("limit|cpu"))) | length' <<<"$output")" = 0 ]
}

@test "build --memory: a RUN step sees its limit" {
	mkdir "$BATS_TEST_TMPDIR/ctx"
	printf 'FROM busybox\nRUN cat /sys/fs/cgroup/memory.max && dd if=/dev/zero of=/dev/null bs=128M count=1\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
	run crun-lite build --memory 32m "$BATS_TEST_TMPDIR/ctx"
	[ "$status" -ne 0 ]
	[[ $output == *33554432* ]]
	[[ $output == *137* ]]
}

@test "crun-lite-runtime: linux.resources of a config.json, and its cgroup is gone after it" {
	local b=$BATS_TEST_TMPDIR/bundle
	mkdir -p "$b/rootfs/bin"
	cp "$(command -v busybox)" "$b/rootfs/bin/"
	crun-lite-runtime spec -b "$b"
	jq '.process.terminal=false | .linux.cgroupsPath="/crl-vm/limits"
	    | .process.args=["/bin/busybox","sh","-c","cd /sys/fs/cgroup; /bin/busybox head -n 9 memory.max memory.swap.max cpu.max cpu.weight pids.max cpuset.cpus memory.high"]
	    | .linux.resources += {memory:{limit:33554432,swap:50331648}, cpu:{quota:30000,period:100000,shares:1024,cpus:"0"},
	      pids:{limit:9}, unified:{"memory.high":"16777216"}}' "$b/config.json" >"$b/new" && mv "$b/new" "$b/config.json"
	grep -q '"type": "cgroup"' "$b/config.json"
	run crun-lite-runtime --root "$BATS_TEST_TMPDIR/state" run -b "$b" limits
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -v -e '^==' -e '^$' <<<"$output" | paste -sd ' ')" = "33554432 16777216 30000 100000 100 9 0 16777216" ]
	[ ! -e /sys/fs/cgroup/crl-vm ]
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
	crun-lite rm -f c1
	crun-lite run -d --name c1 --cpus 0.5 busybox sh -c 'while :; do :; done'
	local percent
	percent=$(crun-lite stats --no-stream --format '{{.CPUPerc}}' c1 | tr -d %)
	awk -v p="$percent" 'BEGIN { exit !(p > 5 && p < 100) }'
}

@test "update: a running container's limit changes" {
	crun-lite run -d --name c1 --memory 32m busybox sleep 60
	curl -fsS --unix-socket "$CRL/s" -H 'Content-Type: application/json' \
		-d '{"Memory":67108864,"MemorySwap":67108864}' http://d/containers/c1/update
	[ "$(in_cgroup memory.max)" = 67108864 ]
}

@test "update: every limit of a running container, and only what is given" {
	crun-lite run -d --name c1 --memory 32m --pids-limit 50 busybox sleep 60
	crun-lite update --cpus 0.5 c1
	[ "$(in_cgroup cpu.max)" = "50000 100000" ]
	[ "$(in_cgroup memory.max)" = 33554432 ]
	crun-lite update --memory 64m --memory-swap 96m --memory-reservation 16m c1
	[ "$(in_cgroup memory.max)" = 67108864 ]
	[ "$(in_cgroup memory.swap.max)" = 33554432 ]
	[ "$(in_cgroup memory.low)" = 16777216 ]
	crun-lite update --pids-limit 77 c1
	[ "$(in_cgroup pids.max)" = 77 ]
	crun-lite update --pids-limit -1 c1
	[ "$(in_cgroup pids.max)" = max ]
	crun-lite update --cpuset-cpus 0 --cpu-shares 512 c1
	[ "$(in_cgroup cpuset.cpus)" = 0 ]
	[ "$(in_cgroup cpu.weight)" -lt 100 ]
	[ "$(in_cgroup cpu.max)" = "50000 100000" ]
	crun-lite update --memory-swap -1 c1
	[ "$(in_cgroup memory.swap.max)" = max ]
	run curl -sS --unix-socket "$CRL/s" -H 'Content-Type: application/json' -d '{"RestartPolicy":{"Name":"always"}}' \
		http://d/containers/c1/update
	[ "$output" = '{"Warnings":null}' ]
	[ "$(crun-lite inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpusetCpus}}' c1)" = "67108864 -1 0" ]
	# What is there now is there after a restart, too.
	crun-lite restart -t 0 c1
	[ "$(in_cgroup cpu.max)" = "50000 100000" ]
	[ "$(in_cgroup memory.max)" = 67108864 ]
}

@test "pause: nothing of the container runs" {
	crun-lite run -d --name c1 busybox sh -c 'while :; do :; done'
	crun-lite pause c1
	[ "$(in_cgroup cgroup.events | awk '$1 == "frozen" {print $2}')" = 1 ]
	crun-lite unpause c1
	[ "$(in_cgroup cgroup.events | awk '$1 == "frozen" {print $2}')" = 0 ]
}
