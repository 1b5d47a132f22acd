# SPDX-License-Identifier: GPL-2.0-or-later
# The docker command line on containers, flag by flag, as its users type it.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() {
	docker network rm dr-net >/dev/null 2>&1
	daemon_teardown
}

setup() {
	command -v docker >/dev/null || skip "the docker command line is not installed"
	export DOCKER_CLI_HINTS=false DOCKER_BUILDKIT=0
}

@test "run, attached: streams, exit codes, missing and unusable programs" {
	run --separate-stderr docker run --rm busybox sh -c 'echo out; echo err >&2; exit 7'
	[ "$status" -eq 7 ] && [ "$output" = out ] && [ "$stderr" = err ]
	run -127 docker run --rm busybox nosuch
	[[ $output == *'exec: "nosuch": executable file not found in $PATH'* ]]
	run -126 docker run --rm busybox /etc
	run -125 docker run --rm busybox:nosuch true
	run -137 docker run --rm busybox sh -c 'kill -9 $$; sh -c "kill -9 \$PPID"; exit 137'
}

@test "run -i: input and its end arrive" {
	run bash -c 'seq 1 50000 | docker run --rm -i busybox sort -n | md5sum'
	[ "$output" = "$(seq 1 50000 | md5sum)" ]
}

@test "run -d, ps, logs -f, exec, stop, inspect, rm" {
	docker run -d --name dr1 --label k=v busybox sh -c 'trap "exit 42" TERM; echo one; sleep 0.5; echo two; while :; do sleep 0.1; done'
	[ "$(docker ps --filter label=k=v --format '{{.Names}} {{.Image}} {{.State}}')" = "dr1 busybox running" ]
	docker logs -f dr1 >"$BATS_TEST_TMPDIR/log" 3>&- &
	pid=$!
	run -5 docker exec -e A=b dr1 sh -c 'echo $A; exit 5'
	[ "$output" = b ]
	wait_until 5 grep -q two "$BATS_TEST_TMPDIR/log"
	docker stop dr1
	wait $pid
	[ "$(cat "$BATS_TEST_TMPDIR/log")" = one$'\n'two ]
	[ "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' dr1)" = "exited 42" ]
	[ "$(docker rm dr1)" = dr1 ]
	run -1 docker inspect dr1
}

@test "run -t: a terminal" {
	run python3 - <<-'E'
		import os, pty, sys
		out = b""
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp("docker", ["docker", "run", "--rm", "-it", "busybox", "sh", "-c", "tty; exit 9"])
		while True:
		    try:
		        data = os.read(fd, 999)
		    except OSError:
		        break
		    if not data:
		        break
		    out += data
		print(out.decode().strip(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	E
	[[ $output == */dev/pts/0*9 ]]
}

@test "events of a run --rm, in order" {
	from=$(date +%s)
	docker run --rm --name dr-ev busybox true
	run docker events --since "$from" --until "$(($(date +%s) + 1))" --filter container=dr-ev --format '{{.Action}}'
	[ "$(echo "$output" | grep -v '^attach$' | tr '\n' ' ')" = "create start die destroy " ]
}

@test "network none: no network, but 127.0.0.1" {
	run docker run --rm --network none busybox ip -o -4 addr
	[[ $output == *"inet 127.0.0.1/8"* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "ipc: host, none" {
	docker run --rm --ipc host busybox test -d /dev/mqueue
	run -1 docker run --rm --ipc none busybox test -d /dev/shm
}

@test "users and groups of the image; root's own groups, too" {
	docker run -d --name dr-id busybox sleep 100
	run docker run --rm busybox id -G
	[ "$output" = "0 10" ]
	run docker exec dr-id id -G
	[ "$output" = "0 10" ]
	run docker run --rm --group-add 55 --group-add tty busybox id -G
	[ "$(tr ' ' '\n' <<<"$output" | sort -n | tr '\n' ' ')" = "0 5 10 55 " ]
	run docker run --rm --user nobody busybox id -un
	[ "$output" = nobody ]
	run docker run --rm --user 1000:1001 busybox sh -c 'echo $(id -u) $(id -G)'
	[ "$output" = "1000 1001" ]
	run --separate-stderr docker build -q - <<<$'FROM busybox\nRUN id -G >/groups'
	[ "$(docker run --rm "$output" cat /groups)" = "0 10" ]
	docker rmi "$output"
	docker rm -f dr-id
}

@test "ps --filter publish: the port of the host, also in a range" {
	docker run -d --name dr-pub -p 127.0.0.1::80 busybox sleep 100
	id=$(docker ps -q --filter name=dr-pub)
	port=$(docker port dr-pub 80 | sed 's/.*://')
	[ "$(docker ps -q --filter publish="$port")" = "$id" ]
	[ "$(docker ps -q --filter publish="$((port - 1))-$((port + 1))/tcp")" = "$id" ]
	[ -z "$(docker ps -q --filter publish="$port/udp")" ]
	[ -z "$(docker ps -q --filter publish=80)" ]
	[ "$(docker ps -q --filter expose=80)" = "$id" ]
	docker rm -f dr-pub
}

@test "what cannot be had is refused, not ignored" {
	run -125 docker run --rm --storage-opt size=1g busybox true
	[[ $output == *"--storage-opt is supported only for overlay over xfs with 'pquota' mount option"* ]]
	run -125 docker run --rm --volume-driver nosuch -v vol:/v busybox true
	[[ $output == *'plugin "nosuch" not found'* ]]
	run docker run --rm --network host -p 80:80 busybox true
	[ "$status" -eq 0 ]
	[[ $output == *"Published ports are discarded when using host network mode"* ]]
}

@test "docker-compose (version 1): two services up and down" {
	command -v docker-compose >/dev/null || skip "docker-compose is not installed"
	mkdir "$BATS_TEST_TMPDIR/proj"
	cd "$BATS_TEST_TMPDIR/proj"
	cat >docker-compose.yml <<-'E'
		version: "3"
		services:
		  web:
		    image: busybox
		    command: httpd -f -p 80 -h /etc
		    ports: ["127.0.0.1::80"]
		    volumes: ["data:/data"]
		  app:
		    build: .
		    depends_on: [web]
		volumes:
		  data: {}
	E
	printf 'FROM busybox\nCMD ["sleep","1000"]\n' >Dockerfile
	docker-compose up -d 3>&-
	[[ $(curl -sS "http://$(docker-compose port web 80)/passwd") == root:* ]]
	run docker-compose exec -T app hostname
	[ "$status" -eq 0 ]
	docker-compose down -t 0 -v --rmi local 3>&-
	[ -z "$(docker ps -aq --filter label=com.docker.compose.project=proj)" ]
	[ -z "$(docker volume ls -q --filter name=proj_data)" ]
}

@test "an empty volume starts with what the image has there, once" {
	printf 'FROM busybox\nRUN mkdir -p /seed/sub && echo a >/seed/sub/f && ln -s /etc/passwd /seed/link && chmod 640 /seed/sub/f && chown -R nobody:10 /seed && chmod 2750 /seed\n' |
		docker build -q -t dr-seed - >/dev/null
	run docker run --rm -v dr-vol:/seed dr-seed sh -c 'cat /seed/sub/f; readlink /seed/link; stat -c "%a %u %g" /seed /seed/sub/f; rm /seed/sub/f'
	[ "$output" = $'a\n/etc/passwd\n2750 65534 10\n640 65534 10' ]
	run -1 docker run --rm -v dr-vol:/seed dr-seed test -e /seed/sub/f # not filled again
	run -1 docker run --rm -v dr-vol2:/seed:nocopy dr-seed test -e /seed/sub
	[ "$(docker run --rm -v /seed dr-seed cat /seed/sub/f)" = a ]
	mkdir "$BATS_TEST_TMPDIR/host"
	run -1 docker run --rm -v "$BATS_TEST_TMPDIR/host:/seed" dr-seed test -e /seed/sub # a folder of the host is not touched
	docker volume rm dr-vol dr-vol2
	docker rmi dr-seed
}

@test "containers that share a new volume start at the same time" {
	for i in 1 2 3 4; do
		docker run --rm -v dr-race:/etc busybox test -s /etc/passwd 3>&- &
		pids[i]=$!
	done
	for i in 1 2 3 4; do wait "${pids[i]}"; done
	docker volume rm dr-race
}
