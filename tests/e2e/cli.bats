# SPDX-License-Identifier: GPL-2.0-or-later
# What a person sees and what the daemon gets: the CLI against fixed answers
# (fake_daemon.py). Needs no root and no daemon.
bats_require_minimum_version 1.5.0

setup_file() {
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	PATH=${CRUN_LITE_BUILD:-$TOP/build}/src/cli:$PATH
	WORK=$(mktemp -d)
	export PATH WORK CRUN_LITE_HOST=unix://$WORK/s TZ=UTC
	python3 "$BATS_TEST_DIRNAME/fake_daemon.py" "$WORK/s" "$WORK/log" 3>&- &
	echo $! >"$WORK/pid"
	for _ in $(seq 100); do
		[ -S "$WORK/s" ] && crun-lite ps >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	return 1
}
teardown_file() {
	kill "$(cat "$WORK/pid")"
	rm -rf "$WORK"
}
setup() { : >"$WORK/log"; }

# sent TEXT: the daemon got a request with this text.
sent() { grep -qF -- "$1" "$WORK/log" || { cat "$WORK/log"; false; }; }
lines() { printf '%s\n' "$@"; }

@test "ps: columns, relative times, ports" {
	run --separate-stderr crun-lite ps -a
	[ "$status" -eq 0 ]
	diff <(echo "$output") - <<-'END'
		CONTAINER ID   IMAGE          COMMAND                  CREATED         STATUS                     PORTS                                              NAMES
		0123456789ab   nginx:1        "nginx -g 'daemon of…"   2 hours ago     Up 2 hours (healthy)       0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp   web
		ffffffffffff   fedcba987654   "sh"                     5 minutes ago   Exited (3) 5 seconds ago                                                      db
	END
}
@test "ps: -q, --no-trunc, --format with fields, labels, json and table" {
	[ "$(crun-lite ps -q)" = 0123456789ab ]
	[ "$(crun-lite ps -q --no-trunc)" = 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef ]
	[ "$(crun-lite ps --format '{{.Names}}:{{.Label "com.a"}}:{{.Labels}}')" = "web:1:com.a=1,com.b=2" ]
	[ "$(crun-lite ps --format json | jq -r .Image)" = nginx:1 ]
	[ "$(crun-lite ps -s --format '{{.Size}}')" = "1.2kB (virtual 7.34MB)" ]
	[ "$(crun-lite ps --format 'table {{.Label "com.a-b"}}' | head -1)" = "a b" ]
	diff <(crun-lite ps --format 'table {{.Names}}\t{{.State}}') - <<-'END'
		NAMES     STATE
		web       running
	END
}
@test "ps: filters travel as JSON" {
	crun-lite ps --filter status=exited --filter label=a=b --filter label=c >/dev/null
	sent 'filters=%7B%22status%22%3A%7B%22exited%22%3Atrue%7D%2C%22label%22%3A%7B%22a%3Db%22%3Atrue%2C%22c%22%3Atrue%7D%7D'
	run crun-lite ps --filter nonsense
	[ "$status" -eq 1 ]
	[[ $output == *'expected name=value'* ]]
}
@test "images: table, -q without repeats, --digests" {
	diff <(crun-lite images) - <<-'END'
		REPOSITORY   TAG       IMAGE ID       CREATED             SIZE
		busybox      latest    fedcba987654   3 days ago          1.98MB
		local/bb     1         fedcba987654   3 days ago          1.98MB
		<none>       <none>    000000000000   About an hour ago   52B
	END
	diff <(crun-lite images -q) <(lines fedcba987654 000000000000)
	crun-lite images --digests | head -1 | grep -q DIGEST
}
@test "run: streams are kept apart, exit code of the container" {
	run --separate-stderr crun-lite run --rm img cmd
	[ "$status" -eq 7 ]
	[ "$output" = out ]
	[ "$stderr" = err ]
	sent 'wait?condition=removed'
	sent '"AutoRemove":true'
}
@test "run: attach and wait are there before the start" {
	run crun-lite run img
	diff <(cut -d' ' -f2 "$WORK/log" | sed 's/?.*//; s/aa0*/ID/') - <<-'END'
		/containers/create
		/containers/ID/attach
		/containers/ID/wait
		/containers/ID/start
	END
}
@test "run -i: stdin and its end reach the container, whatever the size" {
	head -c 3000000 /dev/urandom >"$WORK/in"
	run bash -c 'crun-lite run -i img <"$WORK/in" >"$WORK/out"'
	[ "$status" -eq 7 ]
	cmp "$WORK/in" "$WORK/out"
	sent '"StdinOnce":true'
}
@test "run -d: the id, on one connection, without a wait" {
	run crun-lite run -d img
	[ "$output" = "aa$(printf '0%.0s' $(seq 62))" ]
	if grep -q wait "$WORK/log"; then false; fi
}
@test "run: warnings on stderr" {
	run --separate-stderr crun-lite run -d warns
	[ "$stderr" = "WARNING: no memory controller" ]
}
@test "run: 127, 126 and 125 by what the daemon says" {
	run -127 crun-lite run fails
	[[ $output == *'executable file not found'* ]]
	run crun-lite run noexec
	[ "$status" -eq 126 ]
	run crun-lite run -d busyport
	[ "$status" -eq 125 ]
	[[ $output == *'address already in use'* ]]
}
@test "run: a daemon that hangs in start does not make us deaf to signals" {
	run timeout -s INT -k 10 0.5 crun-lite run hangs
	[ "$status" -eq 124 ]
	[[ $output == *'has not answered yet'* ]]
}
@test "run: a missing image is asked for, and the refusal is told" {
	run crun-lite run missing
	[ "$status" -eq 125 ]
	[[ $output == *"Unable to find image 'missing:latest' locally"* ]]
	[[ $output == *'this daemon cannot pull images yet'* ]]
	sent 'POST /images/create?fromImage=missing&tag=latest'
	: >"$WORK/log"
	run crun-lite run --pull never missing
	[ "$status" -eq 125 ]
	[[ $output == *'No such image: missing:latest'* ]]
	if grep -q fromImage "$WORK/log"; then false; fi
}
@test "run: --cidfile, and not twice" {
	crun-lite run -d --cidfile "$WORK/cid" img
	[ "$(wc -c <"$WORK/cid")" -eq 64 ]
	run crun-lite run -d --cidfile "$WORK/cid" img
	[ "$status" -eq 125 ]
	[[ $output == *'container ID file found'* ]]
}
@test "pull: the daemon's sentence, exit 125" {
	run crun-lite pull busybox
	[ "$status" -eq 125 ]
	[[ $output == *'this daemon cannot pull images yet'* ]]
}
@test "unknown words and options: named, with the nearest known one" {
	run crun-lite rnu
	[ "$status" -eq 1 ]
	[[ $output == *"unknown command: crun-lite rnu"*"Did you mean 'run'?"* ]]
	run crun-lite container stpo
	[ "$status" -eq 1 ]
	[[ $output == *"Did you mean 'stop'?"* ]]
	run crun-lite run --nmae x img
	[ "$status" -eq 125 ]
	[[ $output == *'unknown flag: --nmae (did you mean --name?)'* ]]
	run crun-lite ps --bogusflag
	[ "$status" -eq 125 ]
}
@test "counts of arguments are checked" {
	run crun-lite rm
	[ "$status" -eq 1 ]
	[[ $output == *"'crun-lite rm' requires at least 1 argument"* ]]
	run crun-lite ps x
	[[ $output == *"'crun-lite ps' accepts no arguments"* ]]
	run crun-lite run
	[ "$status" -eq 1 ]
}
@test "rm, stop: names are printed, one failure does not stop the others" {
	run --separate-stderr crun-lite rm -f -v a running b
	[ "$status" -eq 1 ]
	[ "$output" = "$(lines a b)" ]
	[ "$stderr" = "Error response from daemon: You cannot remove a running container $(printf '0123456789abcdef%.0s' 1 2 3 4)" ]
	sent 'DELETE /containers/a?force=1&v=1'
	[ "$(crun-lite stop -t 0 stopped)" = stopped ]
	sent 'POST /containers/stopped/stop?t=0'
	[ "$(crun-lite kill -s HUP x)" = x ]
	sent 'kill?signal=HUP'
}
@test "names are escaped on their way" {
	run crun-lite rm 'a/../b c'
	sent 'DELETE /containers/a%2F..%2Fb%20c'
}
@test "logs: streams apart, options passed on" {
	run --separate-stderr crun-lite logs --tail 5 -t --since 1700000000 web
	[ "$output" = one ]
	[ "$stderr" = two ]
	sent 'tail=5'
	sent 'timestamps=1'
	sent 'since=1700000000.000000000'
}
@test "events: one line each, all digits of the time" {
	run crun-lite events --until 0
	[ "$output" = "2023-11-14T22:13:20.123456789Z container die abc (exitCode=3, name=web)" ]
	[ "$(crun-lite events --format '{{.Action}}')" = die ]
	[ "$(crun-lite events --format json | jq -r .Type)" = container ]
}
@test "inspect: indented as docker does, numbers untouched, [] and 1 for the unknown" {
	diff <(crun-lite inspect big) - <<-'END'
		[
		    {
		        "Id": "big",
		        "N": 9007199254740993,
		        "L": []
		    }
		]
	END
	run --separate-stderr crun-lite inspect nope
	[ "$status" -eq 1 ]
	[ "$output" = "[]" ]
	[ "$stderr" = "Error: No such object: nope" ]
	[ "$(crun-lite inspect -f '{{.State.Status}} {{json .Config}}' web)" = 'running {"Tty":false,"OpenStdin":false}' ]
	run crun-lite inspect -f '{{.Nope}}' web
	[ "$status" -eq 1 ]
	[[ $output == *'map has no entry for key "Nope"'* ]]
}
@test "stats, top, port" {
	diff <(crun-lite stats --no-stream web) - <<-'END'
		CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O       BLOCK I/O    PIDS
		0123456789ab   web       20.00%    2MiB / 2GiB         0.10%     1.5kB / 42B   4.1kB / 0B   3
	END
	diff <(crun-lite top web) - <<-'END'
		PID                 CMD
		1                   init
		12                  sleep 5
	END
	[ "$(crun-lite port web)" = "80/tcp -> 0.0.0.0:8080" ]
	[ "$(crun-lite port web 80)" = 0.0.0.0:8080 ]
	run crun-lite port web 81/udp
	[ "$status" -eq 1 ]
}
@test "update: limits only, and at least one" {
	[ "$(crun-lite update -m 64m --restart always web)" = web ]
	sent 'POST /containers/web/update {"Memory":67108864,"RestartPolicy":{"Name":"always","MaximumRetryCount":0}}'
	run crun-lite update web
	[ "$status" -eq 1 ]
	[[ $output == *'one or more flags'* ]]
}
@test "build: the context without what is ignored, the messages, the id" {
	mkdir -p "$WORK/ctx/sub"
	printf 'FROM scratch\n' >"$WORK/ctx/Dockerfile"
	printf '*.log\nDockerfile\n.dockerignore\n' >"$WORK/ctx/.dockerignore"
	head -c 1000000 /dev/zero >"$WORK/ctx/big.log"
	run crun-lite build -t a:1 --build-arg X=1 --iidfile "$WORK/iid" "$WORK/ctx"
	[ "$status" -eq 0 ]
	[ "$output" = "$(lines 'Step 1/1 : FROM scratch' 'Successfully built fedcba987654')" ]
	grep -q '^sha256:fedc' "$WORK/iid"
	sent 'dockerfile=Dockerfile&t=a%3A1'
	sent 'buildargs=%7B%22X%22%3A%221%22%7D'
	# headers and data of Dockerfile, .dockerignore and sub, and the end
	sent '<3584 bytes>'
	[ "$(crun-lite build -q "$WORK/ctx")" = "sha256:$(printf 'fedcba9876543210%.0s' 1 2 3 4)" ]
}
@test "build: errors whole, exit 1; a Dockerfile on stdin; a folder that is not there" {
	run --separate-stderr bash -c 'printf "FROM scratch\nBOGUS\n" | crun-lite build -'
	[ "$status" -eq 1 ]
	[ "$stderr" = "Dockerfile:2: unknown instruction: BOGUS" ]
	run crun-lite build "$WORK/none"
	[ "$status" -eq 1 ]
	[[ $output == *"$WORK/none"* ]]
}
@test "load, save" {
	[ "$(crun-lite load -i "$BATS_TEST_FILENAME")" = "Loaded image: busybox:latest" ]
	[ "$(crun-lite load <"$BATS_TEST_FILENAME")" = "Loaded image: busybox:latest" ]
	sent "<$(stat -c %s "$BATS_TEST_FILENAME") bytes>"
	[ "$(crun-lite save a b)" = "archive bytes" ]
	sent 'names=a&names=b'
	crun-lite save -o "$WORK/saved" a
	[ "$(cat "$WORK/saved")" = "archive bytes" ]
	[ ! -e "$WORK/saved.part" ]
}
@test "the same words as docker's groups" {
	diff <(crun-lite container ls -a) <(crun-lite ps -a)
	diff <(crun-lite image ls) <(crun-lite images)
}
@test "version: client and server; without a daemon the client's alone, exit 1" {
	run crun-lite version
	[ "$status" -eq 0 ]
	[[ $output == *Client*Server*9.9* ]]
	[ "$(crun-lite version --format '{{.Server.Version}}')" = 9.9 ]
	run --separate-stderr crun-lite -H "unix://$WORK/nowhere" version
	[ "$status" -eq 1 ]
	[[ $output == *Client* ]]
	[[ $stderr == *"Cannot connect to the crun-lite daemon at unix://$WORK/nowhere"* ]]
}
@test "host: -H before CRUN_LITE_HOST before DOCKER_HOST; tcp is understood" {
	CRUN_LITE_HOST=unix:///nowhere run crun-lite -H "unix://$WORK/s" ps -q
	[ "$status" -eq 0 ]
	DOCKER_HOST=unix:///nowhere run crun-lite ps -q
	[ "$status" -eq 0 ]
	CRUN_LITE_HOST='' DOCKER_HOST=unix://$WORK/s run crun-lite ps -q
	[ "$status" -eq 0 ]
	run crun-lite -H ftp://x ps
	[[ $output == *'unable to parse docker host'* ]]
	run crun-lite -H tcp://127.0.0.1:1 ps
	[ "$status" -eq 1 ]
	[[ $output == *refused* ]]
}
@test "help: of everything, from the tables" {
	run crun-lite --help
	[[ $output == *'  run '* ]]
	crun-lite run --help | grep -q -- '-v, --volume list'
	crun-lite help network create | grep -q -- --subnet
	# -h is the host name for run, and help elsewhere
	crun-lite ps -h | grep -q 'List containers'
}
@test "completion: valid, and completes" {
	crun-lite completion bash >"$WORK/comp"
	bash -n "$WORK/comp"
	run bash -c '. "$WORK/comp"; COMP_WORDS=(crun-lite ru); COMP_CWORD=1; _crun_lite; echo "${COMPREPLY[*]}"
		COMP_WORDS=(crun-lite ps --no); COMP_CWORD=2; _crun_lite; echo "${COMPREPLY[*]}"
		COMP_WORDS=(crun-lite rm w); COMP_CWORD=2; _crun_lite; echo "${COMPREPLY[*]}"'
	[ "$output" = "$(lines run --no-trunc web)" ]
}
@test "a pipe that closes does not hang us" {
	crun-lite ps -a | true
}
