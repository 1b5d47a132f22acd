# SPDX-License-Identifier: GPL-2.0-or-later
# Checkpoints as far as every host has them: names, folders, refusals. Those that criu has to make
# are in tests/vm/checkpoint.bats, on a kernel that suits Debian 12's criu.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() { crun-lite rm -f c1 >/dev/null 2>&1 || true; }

# call METHOD PATH [BODY]: "answer status"; past the schema's check, whose file lacks these paths.
call() {
	local sock=$CRL/s.daemon
	[ -S "$sock" ] || sock=$CRL/s
	curl -sS --path-as-is -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} \
		-w ' %{http_code}' --unix-socket "$sock" "http://d$2"
}

# keep NAME: a folder as a checkpoint leaves it.
keep() {
	local dir
	dir=$DATA_ROOT/containers/$(crun-lite inspect -f '{{.Id}}' c1)/checkpoints/$1
	mkdir -p "$dir"
	echo '{"mounts":[],"pipes":["","",""]}' >"$dir/crun-lite.json"
}

@test "only a running container can be checkpointed" {
	crun-lite create --name c1 busybox sleep 100
	run call POST /containers/c1/checkpoints '{"CheckpointID":"a"}'
	[ "$output" = '{"message":"Container c1 not running"} 409' ]
	run call POST /containers/nope/checkpoints '{"CheckpointID":"a"}'
	[[ $output == *"No such container: nope"*" 404" ]]
}

@test "an id is one component of a path" {
	crun-lite run -d --name c1 busybox sleep 100
	local id
	for id in "" . .. ../a a/b /a .a -a 'a b' "$(printf '%0300d' 0)"; do
		run call POST /containers/c1/checkpoints "{\"CheckpointID\":\"$id\"}"
		[ "$output" = "{\"message\":\"Invalid checkpoint ID ($id), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed\"} 400" ]
	done
	run call DELETE /containers/c1/checkpoints/..%2f..
	[[ $output == *" 40"[04] ]]
	run call POST "/containers/c1/checkpoints" '{"CheckpointID":"a","CheckpointDir":"b"}'
	[[ $output == *"b is no absolute path"*" 400" ]]
	run call POST "/containers/c1/start?checkpoint=../x"
	[[ $output == *"Invalid checkpoint ID (../x)"*" 400" ]]
	# What stands beside the checkpoints is still there.
	[ -e "$DATA_ROOT/containers/$(crun-lite inspect -f '{{.Id}}' c1)/record.json" ]
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = running ]
}

@test "a terminal is refused" {
	crun-lite run -dt --name c1 busybox sleep 100
	run call POST /containers/c1/checkpoints '{"CheckpointID":"a"}'
	[ "$output" = '{"message":"checkpoint not supported on containers with tty"} 400' ]
}

@test "without a criu that works here it is said, and nothing is left" {
	if command -v criu >/dev/null && criu check >/dev/null 2>&1; then
		skip "criu works on this kernel"
	fi
	crun-lite run -d --name c1 busybox sleep 100
	local id
	id=$(crun-lite inspect -f '{{.Id}}' c1)
	run call POST /containers/c1/checkpoints '{"CheckpointID":"a","Exit":true}'
	[[ $output == '{"message":"Cannot checkpoint container c1: criu '*'} 501' ]]
	[[ $output == *"criu is not installed"* || $output == *"criu does not work on this kernel: "* ]]
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = running ]
	[ -z "$(ls -A "$DATA_ROOT/containers/$id/checkpoints")" ]
	run call GET /containers/c1/checkpoints
	[ "$output" = '[] 200' ]
	crun-lite kill c1
	keep a
	run crun-lite start --checkpoint a c1
	[ "$status" -eq 1 ]
	[[ $output == *"criu is not installed"* || $output == *"criu does not work on this kernel: "* ]]
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = exited ]
	# The next start is one from the beginning.
	crun-lite start c1
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = running ]
}

@test "list and remove, by the command line, too" {
	crun-lite create --name c1 busybox sleep 100
	keep two
	keep one
	keep .three.partial
	run call GET /containers/c1/checkpoints
	[ "$output" = '[{"Name":"one"},{"Name":"two"}] 200' ]
	run call DELETE /containers/c1/checkpoints/one
	[ "$output" = ' 204' ]
	run call DELETE /containers/c1/checkpoints/one
	[ "$output" = '{"message":"checkpoint one does not exist for container c1"} 404' ]
	run crun-lite checkpoint ls c1
	[ "${lines[0]}" = "CHECKPOINT NAME" ]
	[ "${lines[1]}" = two ]
	crun-lite checkpoint rm c1 two
	[ "$(crun-lite checkpoint ls c1 | wc -l)" -eq 1 ]
}

@test "a folder of one's own" {
	crun-lite create --name c1 busybox sleep 100
	mkdir -p "$CRL/own/k"
	run crun-lite checkpoint ls --checkpoint-dir "$CRL/own" c1
	[ "${lines[1]}" = k ]
	crun-lite checkpoint rm --checkpoint-dir "$CRL/own" c1 k
	[ ! -e "$CRL/own/k" ]
}

@test "a start from a checkpoint that is not there is no ordinary start" {
	crun-lite create --name c1 busybox sleep 100
	run call POST "/containers/c1/start?checkpoint=a"
	[ "$output" = '{"message":"checkpoint a does not exist for container c1"} 404' ]
	run call POST "/containers/c1/start?checkpoint-dir=/tmp"
	[[ $output == *"Invalid checkpoint ID ()"*" 400" ]]
	[ "$(crun-lite inspect -f '{{.State.Status}}' c1)" = created ]
	keep a
	crun-lite start c1
	run call POST "/containers/c1/start?checkpoint=a"
	[ "$output" = '{"message":"cannot start from a checkpoint: container c1 is running"} 409' ]
}
