#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What create takes, refuses and warns about, beside what has a file of its own.
load ../harness/daemon
bats_require_minimum_version 1.5.0

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() { command -v docker >/dev/null || skip "no docker client"; }

# create_with JSON: POST /containers/create with these HostConfig members; body and status.
create_with() {
	curl -s --unix-socket "$CRL/s" -H 'Content-Type: application/json' -w ' %{http_code}' \
		-d "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{$1}}" \
		http://d/v1.51/containers/create
}

# quota_disk xfs|ext4: a fresh disk with project quotas at $CRL/disk.
quota_disk() {
	mkdir -p "$CRL/disk"
	rm -f "$CRL/disk.img"
	truncate -s 400M "$CRL/disk.img"
	case $1 in
	xfs) command -v mkfs.xfs && mkfs.xfs -q "$CRL/disk.img" && mount -o loop,pquota "$CRL/disk.img" "$CRL/disk" ;;
	ext4) mkfs.ext4 -q -O quota,project -E quotatype=prjquota "$CRL/disk.img" &&
		mount -o loop,prjquota "$CRL/disk.img" "$CRL/disk" ;;
	esac
}

@test "what Linux has not is refused or warned about by name" {
	run create_with '"CpuRealtimeRuntime":1000'
	[[ $output == *"kernel does not support CPU real-time scheduler"*400 ]]
	run create_with '"IOMaximumIOps":5'
	[[ $output == *"Invalid QoS settings"*400 ]]
	run create_with '"Isolation":"hyperv"'
	[[ $output == *"invalid isolation 'hyperv' on linux"*400 ]]
	run create_with '"CpuPercent":5,"Cgroup":"container:x"'
	[[ $output == *"CPU percent"*"Cgroup is not supported"*201 ]]
	run create_with '"NetworkMode":"host","Sysctls":{"net.ipv4.ip_forward":"1"}'
	[[ $output == *'sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace'*400 ]]
	run create_with '"Annotations":{"":"x"}'
	[[ $output == *"the empty string is not permitted as an annotation key"*400 ]]
	run create_with '"DeviceCgroupRules":["c 1:3 rwmx"]'
	[[ $output == *"invalid device cgroup rule format: 'c 1:3 rwmx'"*400 ]]
	run create_with '"StorageOpt":{"colour":"red"}'
	[[ $output == *"unknown option colour"*400 ]]
	run create_with '"DeviceRequests":"all"'
	[[ $output == *400 ]]
	docker container prune -f
}

@test "inspect shows what was asked and docker's defaults" {
	id=$(docker create --ulimit core=1:2 --annotation k=v --device /dev/null:/dev/nil:r --gpus all busybox true)
	docker inspect "$id" >"$CRL/inspect"
	[ "$(jq -c '.[0].HostConfig | [.Ulimits, .Annotations, .Devices, .DeviceRequests]' "$CRL/inspect")" = \
		'[[{"Name":"core","Soft":1,"Hard":2}],{"k":"v"},[{"PathOnHost":"/dev/null","PathInContainer":"/dev/nil","CgroupPermissions":"r"}],[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]]' ]
	docker rm "$id"
	id=$(docker create busybox true)
	docker inspect "$id" >"$CRL/inspect"
	[ "$(jq -c '.[0].HostConfig | [.Binds, .Devices, .DeviceRequests, .VolumesFrom, .BlkioDeviceReadBps, .Ulimits, .PortBindings, .Isolation, .ShmSize, .ConsoleSize]' "$CRL/inspect")" = \
		'[null,[],null,null,[],[],{},"",67108864,[0,0]]' ]
	docker rm "$id"
}

@test "a folder of devices, a rule, permissions" {
	mkdir -p "$CRL/devices/sub"
	mknod "$CRL/devices/zero" c 1 5
	mknod "$CRL/devices/sub/null" c 1 3
	docker run --rm --device "$CRL/devices:/dev/mine" busybox find /dev/mine
	[ "$(docker run --rm --device "$CRL/devices:/dev/mine" busybox sh -c 'cd /dev/mine; find . -type c | sort | tr "\n" " "; head -c 3 zero | wc -c')" = "./sub/null ./zero 3" ]
	run -127 docker run --rm --device /no/such busybox true
	[[ $output == *'error gathering device information while adding custom device "/no/such": no such file or directory'* ]]
	run docker run --rm --device "$CRL/devices/sub/..:/x" busybox true
	[ "$status" = 0 ]
}

@test "storage-opt size is a project quota where there is one" {
	run create_with '"StorageOpt":{"size":"10m"}'
	[[ $output == *"--storage-opt is supported only for overlay over xfs with 'pquota' mount option"*400 ]]
	quota_disk xfs || quota_disk ext4 || skip "no file system with project quotas in this kernel"
	daemon_stop
	local all=$DATA_ROOT
	DATA_ROOT=$CRL/disk/data daemon_start --storage-opt overlay2.size=20m
	crun-lite load -q -i "$(busybox_archive)" >/dev/null
	run docker run --rm --storage-opt size=4m busybox sh -c 'dd if=/dev/zero of=/f bs=1M count=10; du -k /f'
	local limited=$output
	run docker run --rm busybox sh -c 'dd if=/dev/zero of=/f bs=1M count=10 && mv /f /etc/g && ls /etc/g'
	local fits=$output
	run docker run --rm busybox sh -c 'dd if=/dev/zero of=/f bs=1M count=30'
	local default=$output
	daemon_stop
	umount "$CRL/disk"
	DATA_ROOT=$all daemon_start
	[[ $limited == *"No space left"* || $limited == *"quota exceeded"* ]]
	[[ $fits == *"/etc/g"* ]]
	[[ $default == *"No space left"* || $default == *"quota exceeded"* ]]
}

@test "the daemon's defaults: limits, /dev/shm, init, its own process 1" {
	daemon_stop
	daemon_start --default-ulimit nofile=100:200 --default-shm-size 8m --init
	[ "$(docker run --rm busybox sh -c 'ulimit -n; ulimit -Hn; cat /proc/1/comm; df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2')" = "100
200
docker-init
8192" ]
	[ "$(docker run --rm --ulimit nofile=50:60 --init=false busybox sh -c 'ulimit -n; echo $(cat /proc/1/comm)')" = "50
sh" ]
	daemon_stop
	daemon_start
}

@test "docker's run and create have no option that ours do not have" {
	local verb
	for verb in run create; do
		docker "$verb" --help | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u | grep -vx -e --help >"$CRL/theirs"
		crun-lite "$verb" --help | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u >"$CRL/ours"
		run comm -23 "$CRL/theirs" "$CRL/ours"
		echo "$verb: $output"
		[ -z "$output" ]
	done
}

@test "platforms: another than asked for is refused, another than the host's is warned about" {
	local arch=arm64
	[ "$(uname -m)" = x86_64 ] || arch=amd64
	run -125 docker run --rm --platform linux/$arch --pull never busybox true
	[[ $output == *"was found but its platform (linux/"*") does not match the specified platform (linux/$arch)"* ]]
	tar -C "$CRL" -c --files-from /dev/null | docker import --platform linux/$arch - alien:1
	run docker create alien:1 x
	[[ $output == *"The requested image's platform (linux/$arch) does not match the detected host platform (linux/"*") and no specific platform was requested"* ]]
	docker container prune -f
	docker rmi alien:1
}

@test "words of our command line: pull policy, cidfile, files of variables and labels, an empty entrypoint" {
	printf 'A=1\n# no\nB=two words\n' >"$CRL/env"
	printf 'la=1\n' >"$CRL/labels"
	crun-lite run --cidfile "$CRL/cid" --name files --env-file "$CRL/env" --label-file "$CRL/labels" --entrypoint "" \
		--group-add 33 -h box --domainname example.org --stop-signal INT --stop-timeout 3 --no-healthcheck --read-only --tmpfs /t:size=1m \
		--pull never busybox sh -c 'echo "$A $B $(hostname) $(id -G)"; touch /x 2>/dev/null || touch /t/x && echo kept' >"$CRL/out"
	[ "$(cat "$CRL/out")" = "1 two words box 0 10 33
kept" ] || [ "$(cat "$CRL/out")" = "1 two words box 0 33
kept" ]
	[ "$(docker inspect -f '{{.Id}}' files)" = "$(cat "$CRL/cid")" ]
	[ "$(docker inspect -f '{{.Config.Labels.la}} {{.Config.StopSignal}} {{.Config.StopTimeout}} {{.Config.Healthcheck.Test}}' files)" = "1 INT 3 [NONE]" ]
	run crun-lite run --cidfile "$CRL/cid" busybox true
	[ "$status" -ne 0 ]
	run crun-lite run --rm --pull never no:such true
	[ "$status" = 125 ]
	[[ $output == *"o such image: no:such"* ]]
	run crun-lite run --rm --pull sometimes busybox true
	[ "$status" -ne 0 ]
	[[ $output == *sometimes* ]]
	docker rm files
}
