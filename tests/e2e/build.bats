# SPDX-License-Identifier: GPL-2.0-or-later
# Building as a person does it: CLI (ours and docker's classic builder), daemon, worker, run.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() {
	C=$CRL/ctx
	rm -rf "$C"
	mkdir "$C"
	export DOCKER_BUILDKIT=0 DOCKER_CONFIG=$CRL/docker-config
}
teardown() {
	[ "$(curl -fsS --unix-socket "$CRL/s" http://d/_ping)" = OK ]
	# What was removed goes when the daemon has a quiet moment.
	wait_until 5 sh -c "[ -z \"\$(ls '$DATA_ROOT/tmp')\" ]"
}
has() { [[ $output == *"$1"* ]] || { printf 'without: %s\n%s\n' "$1" "$output"; return 1; }; }

@test "build, run, history" {
	echo '<h1>hi</h1>' >"$C/index.html"
	cat >"$C/Dockerfile" <<-'E'
	FROM busybox
	LABEL made=here
	WORKDIR /www
	COPY index.html .
	RUN echo built >/www/by && id
	CMD ["cat", "/www/index.html"]
	E
	run crun-lite build -t web "$C"
	[ "$status" -eq 0 ]
	has "uid=0(root)"
	run crun-lite run --rm web
	[ "$output" = '<h1>hi</h1>' ]
	run crun-lite run --rm web cat by
	[ "$output" = built ]
	[ "$(crun-lite inspect -f '{{.Config.Labels.made}}' web)" = here ]
}

@test "a RUN step reaches the build's network, and none with --network none" {
	printf 'FROM busybox\nRUN ls /sys/class/net | tr "\\n" " "; ip route\n' >"$C/Dockerfile"
	run crun-lite build --no-cache "$C"
	[ "$status" -eq 0 ]
	has eth0
	has "default via"
	run crun-lite build --no-cache --network none "$C"
	[ "$status" -eq 0 ]
	[[ $output != *eth0* ]]
}

@test "docker build: the classic builder's answers" {
	command -v docker >/dev/null || skip "the docker client is not installed"
	echo x >"$C/f"
	printf 'FROM busybox\nARG V\nCOPY f /f\nRUN test "$V" = 1\nRUN echo to-stdout\n' >"$C/Dockerfile"
	run docker build -t cls:1 --build-arg V=1 --label a=b "$C"
	[ "$status" -eq 0 ]
	has "Step 1/5 : FROM busybox"
	has "to-stdout"
	has "Successfully built"
	has "Successfully tagged cls:1"
	[ "$(docker inspect -f '{{.Config.Labels.a}}' cls:1)" = b ]
	run docker build -t cls:1 --build-arg V=1 --label a=b "$C"
	has "Using cache"
	id=$(docker build -q -t cls:2 --build-arg V=1 --label a=b "$C" 2>/dev/null)
	[ "$id" = "$(docker inspect -f '{{.Id}}' cls:1)" ]
}

@test "docker build fails with the step's own exit status" {
	command -v docker >/dev/null || skip "the docker client is not installed"
	printf 'FROM busybox\nRUN exit 7\n' >"$C/Dockerfile"
	run docker build "$C"
	[ "$status" -eq 7 ]
	has "The command '/bin/sh -c exit 7' returned a non-zero code: 7"
	printf 'FROM busybox\nRUM x\n' >"$C/Dockerfile"
	run docker build "$C"
	[ "$status" -eq 1 ]
	has "did you mean RUN?"
}

@test "a Dockerfile with mistakes: file, line, excerpt; nothing is left" {
	printf 'FROM busybox\nCOPY nope /n\n' >"$C/Dockerfile"
	run crun-lite build "$C"
	[ "$status" -ne 0 ]
	has "Dockerfile:2: COPY"
	has "   2 >>> COPY nope /n"
	printf 'FROM nosuchimage\n' >"$C/Dockerfile"
	run crun-lite build "$C"
	[ "$status" -ne 0 ]
	has nosuchimage
}

@test "the cache survives the daemon" {
	printf 'FROM busybox\nRUN cat /proc/sys/kernel/random/uuid\n' >"$C/Dockerfile"
	crun-lite build -t keep "$C"
	daemon_stop
	daemon_start
	run crun-lite build -t keep "$C"
	[ "$status" -eq 0 ]
	has "Using cache"
}

@test "the client leaves: the build ends and leaves nothing" {
	local nap=$((2000000 + BASHPID)) # a sleep that no other suite sleeps
	printf 'FROM busybox\nRUN echo started; sleep %s\n' $nap >"$C/Dockerfile"
	crun-lite build "$C" >"$CRL/out" 2>&1 3>&- &
	local client=$!
	wait_until 10 grep -q started "$CRL/out"
	kill -9 $client
	wait $client || true
	wait_until 5 sh -c "! pgrep -f '^sleep $nap\$'"
	# The worker was given the time to take everything back itself.
	wait_until 5 sh -c "[ -z \"\$(ls '$DATA_ROOT/tmp')\" ]"
}
