# SPDX-License-Identifier: GPL-2.0-or-later
# The docker command line on images and on the engine itself: somebody else's
# client, so that our idea of the API is not tested against itself.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() {
	daemon_setup
	crun-lite images -q >/dev/null
}
teardown_file() { daemon_teardown; }

setup() {
	command -v docker >/dev/null || skip "the docker command line is not installed"
	export DOCKER_CLI_HINTS=false
}

@test "version: both sides, and the API agreed upon" {
	run docker version --format '{{.Server.Version}} {{.Server.APIVersion}} {{.Server.Os}}/{{.Server.Arch}}'
	[ "$status" -eq 0 ]
	[[ $output =~ ^28\.[0-9.]+\ 1\.51\ linux/ ]]
}

@test "info: driver, root, counts" {
	run docker info --format '{{.Driver}}|{{.DockerRootDir}}|{{.Images}}|{{.Swarm.LocalNodeState}}'
	[ "$status" -eq 0 ]
	[ "$output" = "overlay2|$DATA_ROOT|1|inactive" ]
}

@test "load, images, tag, inspect, history, rmi" {
	docker tag busybox:latest other/name:1
	run docker images --format '{{.Repository}}:{{.Tag}}'
	[[ $output == *busybox:latest* && $output == *other/name:1* ]]
	id=$(docker image inspect busybox --format '{{.Id}}')
	[ "$(docker image inspect other/name:1 --format '{{.Id}}')" = "$id" ]
	[ "$(docker image inspect "${id:7:12}" --format '{{.Id}}')" = "$id" ]
	docker history -q busybox | grep -q "${id:7:12}"
	run docker rmi other/name:1
	[ "$output" = "Untagged: other/name:1" ]
	run docker image inspect other/name:1
	[ "$status" -eq 1 ]
	[[ $output == *"No such image: other/name:1"* ]]
}

@test "save and load give the same image back" {
	id=$(docker image inspect busybox --format '{{.Id}}')
	docker save -o "$BATS_TEST_TMPDIR/a.tar" busybox:latest
	docker tag busybox:latest keep:1
	docker rmi busybox:latest
	run docker load -i "$BATS_TEST_TMPDIR/a.tar"
	[ "$output" = "Loaded image: busybox:latest" ]
	[ "$(docker image inspect busybox --format '{{.Id}}')" = "$id" ]
	docker rmi keep:1
}

@test "import makes an image of a tar, with changes" {
	mkdir "$BATS_TEST_TMPDIR/root"
	echo content >"$BATS_TEST_TMPDIR/root/file"
	run --separate-stderr bash -c "tar -C '$BATS_TEST_TMPDIR/root' -c . |
		docker import -c 'CMD [\"/x\"]' -m words - imported:1"
	[ "$status" -eq 0 ]
	[[ $output == sha256:* ]]
	[ "$(docker image inspect imported:1 --format '{{.Config.Cmd}}')" = "[/x]" ]
	docker rmi imported:1
}

@test "filters of images" {
	run docker images -q --filter dangling=true
	[ -z "$output" ]
	run docker images --format '{{.Repository}}' --filter reference='busy*'
	[ "$output" = busybox ]
	run docker images -q --filter nope=1
	[ "$status" -ne 0 ]
	[[ $output == *"Invalid filter 'nope'"* ]]
}

@test "what an image is used by decides whether it can go" {
	docker create --name user busybox true
	run docker rmi busybox
	[ "$status" -ne 0 ]
	[[ $output == *'conflict: unable to remove repository reference "busybox" (must force) - container '* ]]
	[[ $output == *'is using its referenced image'* ]]
	docker tag busybox:latest second:1
	docker rmi second:1
	docker rm user
}

@test "an image removed by force goes on serving its container" {
	docker tag busybox:latest victim:1
	printf 'FROM busybox\nLABEL a=b\nCMD ["true"]\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	DOCKER_BUILDKIT=0 docker build -q -t victim:1 "$BATS_TEST_TMPDIR"
	docker create --name holder victim:1
	docker rmi -f victim:1
	run docker images -q victim
	[ -z "$output" ]
	sleep 0.5 # longer than the garbage collector waits
	docker start -a holder
	docker rm holder
}

@test "build with the classic builder" {
	printf 'FROM busybox\nRUN echo made > /made\nCOPY f /f\nCMD cat /made /f\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	echo copied >"$BATS_TEST_TMPDIR/f"
	DOCKER_BUILDKIT=0 run docker build -t built:1 "$BATS_TEST_TMPDIR"
	[ "$status" -eq 0 ]
	[[ $output == *"Successfully built "* && $output == *"Successfully tagged built:1"* ]]
	run docker run --rm built:1
	[ "$output" = "made"$'\n'"copied" ]
	DOCKER_BUILDKIT=0 run --separate-stderr docker build -q "$BATS_TEST_TMPDIR"
	[[ $output == sha256:* ]]
	docker rmi built:1
}

@test "a failing build says why and leaves no image" {
	printf 'FROM busybox\nRUN exit 3\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	before=$(docker images -aq | sort)
	DOCKER_BUILDKIT=0 run docker build -t broken:1 "$BATS_TEST_TMPDIR"
	[ "$status" -ne 0 ]
	[[ $output == *"returned a non-zero code: 3"* ]]
	[ "$(docker images -aq | sort)" = "$before" ]
	printf 'FROM busybox\nNONSENSE\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	DOCKER_BUILDKIT=0 run docker build "$BATS_TEST_TMPDIR"
	[ "$status" -ne 0 ]
	[[ $output == *"unknown instruction: NONSENSE"* ]]
}

@test "events: images, past ones with since and until, filters" {
	from=$(date +%s)
	docker tag busybox:latest evt:1
	docker rmi evt:1
	run docker events --since "$from" --until "$(($(date +%s) + 1))" --filter type=image --format '{{.Action}}'
	[ "$status" -eq 0 ]
	[[ $output == *tag* && $output == *untag* ]]
	run docker events --since "$from" --until "$(date +%s)" --filter type=container --filter event=tag
	[ -z "$output" ]
}

@test "events: live ones reach a listener" {
	docker events --filter event=tag --format '{{.Action}}' >"$BATS_TEST_TMPDIR/events" 3>&- &
	pid=$!
	sleep 0.3
	docker tag busybox:latest live:1
	wait_until 5 grep -q tag "$BATS_TEST_TMPDIR/events"
	kill $pid
	docker rmi live:1
}

@test "system df and prune" {
	run docker system df --format '{{.Type}} {{.TotalCount}}'
	[[ $output == *"Images "* ]]
	DOCKER_BUILDKIT=0 docker build -q - <<<$'FROM busybox\nLABEL dangling=yes' >/dev/null
	run docker image prune -f
	[[ $output == *"deleted: sha256:"* ]]
	run docker images -q --filter dangling=true
	[ -z "$output" ]
}

@test "what is not here says so" {
	run docker pull nosuch/image
	[ "$status" -ne 0 ]
	[[ $output == *"cannot pull docker.io/nosuch/image"* ]]
	run docker push busybox
	[ "$status" -ne 0 ]
	run docker node ls
	[[ $output == *"This node is not a swarm manager"* ]]
	run docker plugin ls -q
	[ "$status" -eq 0 ] && [ -z "$output" ]
}

@test "what needs a registry says so, and is no crash" {
	for request in "POST /auth" "GET /images/search?term=x" "GET /distribution/busybox/json"; do
		run curl -sS -X "${request% *}" -H 'Content-Type: application/json' -d '{"username":"a","password":"b"}' \
			-w ' %{http_code}' --unix-socket "$CRL/s" "http://d/v1.51${request#* }"
		[[ $output == *'"message":"'*registr*'"}'*" 501" ]]
	done
}
