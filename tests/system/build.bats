# SPDX-License-Identifier: GPL-2.0-or-later
# The builder through its worker, with a stand-in for the daemon: each Dockerfile
# checks itself with RUN steps where it can, so what is tested is what a step sees.
TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
: "${CRUN_LITE_BUILD:=$TOP/build}"
. "$TOP/tests/harness/leaks.sh"

setup_file() {
	export B ROOT
	B=$(mktemp -d "${TMPDIR:-/tmp}/crl-build.XXXXXX")
	ROOT=$B/root
	mkdir -p "$ROOT"
	local tar=$CRUN_LITE_BUILD/busybox.tar
	[ -s "$tar" ] || "$TOP/rootfs-fixtures/busybox.sh" "$tar" >/dev/null
	worker load "$tar" >/dev/null
}
teardown_file() {
	local parent
	for parent in /sys/fs/cgroup/unified/"${B##*/}" /sys/fs/cgroup/"${B##*/}"; do
		[ ! -d "$parent" ] || rmdir "$parent"
	done
	rm -rf "$B"
}
setup() {
	C=$B/ctx
	nap=$((1000000 + BASHPID)) # a sleep that no other suite sleeps
	rm -rf "$C"
	mkdir "$C"
}
# Whatever a build did, its staging, cgroup and processes are gone.
teardown() {
	[ -z "$(ls "$ROOT/tmp")" ]
	[ -z "$(compgen -G "/sys/fs/cgroup/unified/${B##*/}/build-*"; compgen -G "/sys/fs/cgroup/${B##*/}/build-*")" ]
}

worker() { timeout 120 python3 "$TOP/tests/harness/worker.py" "$CRUN_LITE_BUILD/src/worker/crun-lite-worker" "$ROOT" "$@"; }
# worker_start ARGS...: the same in the background, output in $B/out, pid in $harness
worker_start() {
	python3 "$TOP/tests/harness/worker.py" "$CRUN_LITE_BUILD/src/worker/crun-lite-worker" "$ROOT" "$@" >"$B/out" 2>&1 3>&- &
	harness=$!
	local i
	for i in $(seq 100); do
		grep -q started "$B/out" && return
		sleep 0.1
	done
	return 1
}
# build [ARGS-JSON]: Dockerfile on stdin, context in $C
build() {
	cat >"$C/Dockerfile"
	run worker build "$C" "$@"
}
ok() { [ "$status" -eq 0 ] || { echo "$output"; return 1; }; }
has() { [[ $output == *"$1"* ]] || { printf 'without: %s\n%s\n' "$1" "$output"; return 1; }; }
hasnt() { [[ $output != *"$1"* ]] || { printf 'with: %s\n%s\n' "$1" "$output"; return 1; }; }
config() { # jq expression over the config of the last result
	local id
	id=$(sed -n 's/^RESULT //p' <<<"$output" | jq -r .id)
	jq -c "$1" "$ROOT/blobs/sha256/${id#sha256:}"
}

@test "classic builder's lines, result and tag" {
	build <<-'E'
	FROM busybox
	ENV A=1
	RUN echo out; echo err >&2
	CMD ["sh"]
	E
	ok
	has "Step 1/4 : FROM busybox"
	has "Step 3/4 : RUN echo out; echo err >&2"
	has " ---> Running in "
	has "Removing intermediate container "
	has $'\nout\nerr\n'
	has '"aux"'
	has "Successfully built "
	[ "$(config .config.Cmd)" = '["sh"]' ]
	[ "$(config '.history|length')" -gt 3 ]
	[ "$(config '.rootfs.diff_ids|length')" = 1 ]
}

@test "RUN: environment, user, directory, network, isolation" {
	build <<-'E'
	FROM busybox
	ENV A=env
	ARG B=arg
	WORKDIR /w
	RUN test "$A$B" = envarg && test "$PWD" = /w && test "$HOME" = /root && test "$(id -u)" = 0
	RUN test "$(ls /sys/class/net)" = lo && test "$$" = 1
	RUN ! mount -t tmpfs x /mnt 2>/dev/null; ! sh -c 'echo x >/proc/sys/kernel/domainname' 2>/dev/null
	RUN grep -q 'Seccomp:.*2' /proc/self/status && grep -q 'CapEff:.*00000000a80425fb' /proc/self/status
	RUN ["sh", "-c", "test \"$0\" = '$A'", "$A"]
	RUN test -z "$(cat)"
	RUN grep -q localhost /etc/hosts
	USER 1000:7
	RUN test "$(id -u):$(id -g)" = 1000:7
	E
	ok
}

@test "RUN: the layer holds what the step did, and no mount point" {
	build <<-'E'
	FROM busybox
	RUN mkdir /made && echo x >/made/f && rm /bin/vi && echo y >/etc/hosts; sleep 1000 &
	RUN test "$(cat /made/f)" = x && ! test -e /bin/vi && ! grep -q '^y' /etc/hosts
	FROM scratch
	COPY --from=0 /made /m
	COPY --from=0 /bin/busybox /bin/sh
	RUN ["/bin/sh", "-c", "exit 0"]
	E
	ok
	build <<-'E'
	FROM scratch
	COPY --from=busybox /bin/busybox /bin/busybox
	RUN ["/bin/busybox", "true"]
	E
	ok
	# The RUN changed nothing: its mount points are not in a layer.
	[ "$(config '.rootfs.diff_ids|length')" = 1 ]
}

@test "RUN fails: docker's sentence, the exit code, the place in the source" {
	build <<-'E'
	FROM busybox
	RUN exit 7
	E
	[ "$status" -eq 1 ]
	has '{"errorDetail": {"code": 7, "message": "The command '"'/bin/sh -c exit 7'"' returned a non-zero code: 7"}'
	has "   2 >>> RUN exit 7"
	build <<-'E'
	FROM busybox
	RUN ["nosuchcommand"]
	E
	[ "$status" -eq 1 ]
	has '"code": 127'
	has nosuchcommand
	build <<-'E'
	FROM busybox
	RUN sh -c 'kill -9 $$'; exit $?
	E
	has '"code": 137'
}

@test "RUN: hosts and resolvers" {
	printf 'search x.y\nnameserver 127.0.0.53\n' >"$B/resolv"
	build "{\"resolv_conf\":\"$B/resolv\",\"extrahosts\":[\"db:10.1.2.3\",\"v6=::7\"]}" <<-'E'
	FROM busybox
	RUN grep -q 'search x.y' /etc/resolv.conf && ! grep -q 127 /etc/resolv.conf && grep -q 'nameserver 8.8.8.8' /etc/resolv.conf
	RUN --network=host grep -q 127.0.0.53 /etc/resolv.conf
	RUN grep -q '^10.1.2.3.db$' /etc/hosts && grep -q '^::7.v6$' /etc/hosts
	RUN --network=none test "$(ls /sys/class/net)" = lo
	E
	ok
}

@test "output is passed on while the step runs, whatever bytes it has" {
	build <<-'E'
	FROM busybox
	RUN printf 'no newline'; printf '\377\376bad\n'; head -c 100000 /dev/zero | tr '\0' x
	E
	ok
	has "no newline"
	has "bad"
}

@test "heredocs: body to the shell, script, several, files" {
	build <<-'E'
	FROM busybox
	ARG V=val
	RUN <<EOF
	set -e
	echo one >/one
	  echo two >/two
	EOF
	RUN test "$(cat /one /two | tr '\n' ,)" = one,two,
	RUN <<EOF
	#!/bin/sh
	test "$0" = /dev/build-script
	EOF
	RUN cat <<A >/a && cat <<'B' >/b
	$V
	A
	$V
	B
	RUN test "$(cat /a /b | tr '\n' ,)" = 'val,$V,'
	COPY <<F <<"G" /d/
	x=$V
	F
	x=$V
	G
	RUN test "$(cat /d/F /d/G | tr '\n' ,)" = 'x=val,x=$V,' && test "$(stat -c %a /d/F)" = 644
	E
	ok
}

@test "COPY: destinations" {
	mkdir -p "$C/d/sub"
	echo 1 >"$C/f"; echo 2 >"$C/d/sub/g"; echo 3 >"$C/.dot"
	ln -s f "$C/lf"; ln -s d "$C/ld"; ln -s /etc/passwd "$C/out"
	build <<-'E'
	FROM busybox
	RUN mkdir -p /real/in && ln -s /real /lnk && echo old >/file && ln -s /file /lfile
	COPY f /n
	COPY f /n2/
	COPY f /real
	COPY d /n3
	COPY d/ /n4/
	COPY f .dot /many/
	COPY lf /n5
	COPY ld /n6
	COPY f /lnk/in/
	COPY f /lfile
	COPY out d /links/
	COPY /f ../../f /abs/
	COPY d/../f /clean
	WORKDIR /wd
	COPY f .
	COPY f rel/x
	RUN set -e; test "$(cat /n)" = 1; test "$(cat /n2/f)" = 1; test "$(cat /real/f)" = 1
	RUN test "$(cat /n3/sub/g)" = 2 && test "$(cat /n4/sub/g)" = 2 && test "$(cat /many/.dot)" = 3
	RUN test "$(cat /n5)" = 1 && ! test -L /n5 && test "$(cat /n6/sub/g)" = 2
	RUN test "$(cat /real/in/f)" = 1 && test -L /lnk
	RUN test -L /lfile && test "$(cat /file)" = 1
	RUN test "$(cat /abs/f)" = 1 && test "$(cat /clean)" = 1
	RUN test "$(cat /wd/f)" = 1 && test "$(cat /wd/rel/x)" = 1
	RUN test "$(stat -c %a:%u:%g /n2 /n3)" = "$(printf '755:0:0\n755:0:0')"
	E
	# A link that leads out of the context leads to the context's own /etc/passwd: not there.
	[ "$status" -eq 1 ]
	has "Dockerfile:13: COPY: out: file not found in build context"
	sed -i '/^COPY out/d' "$C/Dockerfile"
	run worker build "$C"
	ok
}

@test "COPY: links inside a folder stay links and never lead out" {
	mkdir -p "$C/d"
	ln -s /etc/passwd "$C/d/abs"; ln -s ../../../../etc/passwd "$C/d/up"; echo x >"$C/d/x"
	build <<-'E'
	FROM busybox
	COPY d /d
	RUN test -L /d/abs && test -L /d/up && test "$(cat /d/x)" = x
	FROM busybox
	RUN mkdir /esc && ln -s ../../../../../../tmp /esc/t && ln -s /proc/1/root /esc/p
	COPY d/x /esc/t/crl-escape
	RUN test -f /tmp/crl-escape
	E
	ok
	[ ! -e /tmp/crl-escape ]
}

@test "COPY: owners and modes" {
	mkdir -p "$C/d"
	echo x >"$C/d/f"; chmod 640 "$C/d/f"; chmod 4755 "$C/d"; touch "$C/s"; chmod 4711 "$C/s"
	build <<-'E'
	FROM busybox
	RUN echo 'u:x:12:34::/:/bin/sh' >>/etc/passwd && echo 'g:x:56:' >>/etc/group
	COPY d /a
	COPY --chown=u d /b
	COPY --chown=u:g d /c/new
	COPY --chown=7 d /e
	COPY --chmod=u=rwX,go= d /m
	COPY --chmod=0751 d/f /m2
	COPY s /s
	USER u
	COPY d /x
	USER 0
	RUN test "$(stat -c %a:%u:%g /a/f)" = 640:0:0 && test "$(stat -c %u:%g /b/f)" = 12:34
	RUN test "$(stat -c %u:%g /c/new/f /c)" = "$(printf '12:56\n12:56')" && test "$(stat -c %u:%g /e/f)" = 7:7
	RUN test "$(stat -c %a /m/f /m2)" = "$(printf '600\n751')" && test "$(stat -c %a /s)" = 4711
	RUN test "$(stat -c %u /x/f)" = 0
	FROM busybox
	COPY --from=0 /b /b
	COPY --from=0 --chown=9:9 /b /b9
	RUN test "$(stat -c %u:%g /b/f)" = 12:34 && test "$(stat -c %u:%g /b9/f)" = 9:9
	E
	ok
	build <<-'E'
	FROM busybox
	COPY --chown=nosuch d /a
	E
	[ "$status" -eq 1 ]
	has "unable to find user nosuch"
}

@test "COPY: wildcards" {
	mkdir -p "$C/src/x/y"
	touch "$C/a.txt" "$C/b.txt" "$C/.c.txt" "$C/[z]" "$C/src/x/m.go" "$C/src/x/y/n.go"
	build <<-'E'
	FROM busybox
	COPY *.txt /t/
	COPY [[]z] /z/
	COPY a?txt /one
	COPY **/*.go /go/
	COPY no*pe /nothing/
	RUN test "$(ls -A /t | tr '\n' ' ')" = '.c.txt a.txt b.txt ' && ls '/z/[z]' && test -f /one
	RUN test "$(ls /go | tr '\n' ' ')" = 'm.go n.go '
	E
	ok
	has "[Warning] no*pe matches nothing"
}

@test "COPY: conflicts and missing files are told" {
	mkdir "$C/d"; touch "$C/d/x" "$C/readme.md"
	build <<-'E'
	FROM busybox
	COPY raedme.md /
	E
	[ "$status" -eq 1 ]
	has 'did you mean readme.md?'
	has '   2 >>> COPY raedme.md /'
	build <<-'E'
	FROM busybox
	RUN touch /f && mkdir -p /e/x
	COPY d /f
	E
	[ "$status" -eq 1 ]
	build <<-'E'
	FROM busybox
	RUN mkdir -p /e/x
	COPY d /e
	E
	[ "$status" -eq 1 ]
	has "cannot replace the directory"
}

@test ".dockerignore" {
	mkdir -p "$C/d/keep" "$C/n"
	touch "$C/d/keep/f" "$C/d/other" "$C/n/x" "$C/r.md" "$C/k.md"
	printf '# c\nd\n!d/keep\n**/x\n*.md\n!k.md\n' >"$C/.dockerignore"
	build <<-'E'
	FROM busybox
	COPY . /c
	RUN cd /c && test "$(find . -type f | sort | tr '\n' ' ')" = './.dockerignore ./Dockerfile ./d/keep/f ./k.md '
	E
	ok
	build <<-'E'
	FROM busybox
	COPY r.md /
	E
	[ "$status" -eq 1 ]
	has "excluded by .dockerignore"
	printf 'k.md\n' >"$C/Dockerfile.dockerignore"
	build <<-'E'
	FROM busybox
	COPY r.md /
	COPY k.md /
	E
	[ "$status" -eq 1 ]
	has "it is excluded by Dockerfile.dockerignore"
	printf '[\n' >"$C/.dockerignore"; rm "$C/Dockerfile.dockerignore"
	build <<<"FROM busybox"
	[ "$status" -eq 1 ]
	has ".dockerignore:1"
}

@test "ADD: archives by content, others copied, hostile names confined" {
	mkdir -p "$B/t/dir"
	echo x >"$B/t/dir/f"
	tar -C "$B/t" -cf "$C/a.tar" --owner=5 --group=6 dir
	tar -C "$B/t" -czf "$C/a.tgz" dir
	cp "$C/a.tar" "$C/noext"
	: >"$C/empty.tar.gz"; echo hi | gzip >"$C/text.gz"
	python3 - "$C/evil.tar" <<-'P'
	import sys, tarfile, io
	with tarfile.open(sys.argv[1], "w") as t:
	    for n in ("ok", "../../../../../../tmp/crl-add-escape"):
	        i = tarfile.TarInfo(n); i.size = 1; t.addfile(i, io.BytesIO(b"x"))
	P
	build <<-'E'
	FROM busybox
	ADD a.tar /a
	ADD a.tgz noext /b/
	ADD empty.tar.gz text.gz /c/
	COPY a.tar /d/
	RUN test "$(cat /a/dir/f)" = x && test "$(stat -c %u:%g /a/dir/f)" = 5:6 && test "$(cat /b/dir/f)" = x
	RUN test -f /c/empty.tar.gz && test -f /c/text.gz && test -f /d/a.tar
	E
	ok
	build <<-'E'
	FROM busybox
	ADD evil.tar /e/
	E
	[ ! -e /tmp/crl-add-escape ]
}

@test "deleted and made again: a folder shows nothing of what was below" {
	build <<-'E'
	FROM busybox
	RUN mkdir /d && touch /d/old /d/gone
	RUN rm -rf /d && mkdir /d && touch /d/new
	RUN test "$(ls /d)" = new
	FROM busybox
	COPY --from=0 /d /e
	RUN test "$(ls /e)" = new
	E
	ok
}

@test "four builds at once do not disturb each other" {
	local i
	for i in 1 2 3 4; do
		mkdir -p "$B/p$i"
		printf 'FROM busybox\nRUN echo same >/same\nRUN echo %s >/own\nRUN test "$(cat /own)" = %s\n' $i $i >"$B/p$i/Dockerfile"
		worker build "$B/p$i" '{"nocache":true}' >"$B/p$i.out" 2>&1 3>&- &
	done
	wait
	for i in 1 2 3 4; do grep -q ^RESULT "$B/p$i.out" || { cat "$B/p$i.out"; return 1; }; done
}

@test "stages: by name and number, unused ones are skipped, target, inheritance" {
	echo x >"$C/f"
	build <<-'E'
	FROM busybox AS One
	ARG INHERIT=yes
	COPY f /f
	FROM busybox AS unused
	RUN exit 1
	FROM one AS two
	RUN test "$INHERIT" = yes && test -f /f
	FROM scratch AS last
	COPY --from=0 /f /f0
	COPY --from=two /f /f2
	E
	ok
	hasnt "exit 1"
	run worker build "$C" '{"target":"unused"}'
	[ "$status" -eq 1 ]
	has "returned a non-zero code: 1"
}

@test "ONBUILD: fires in the child, once" {
	echo x >"$C/f"
	build '{"TAG":"parent:latest"}' <<-'E'
	FROM busybox
	ONBUILD COPY f /from-child
	ONBUILD RUN echo ran >/ran
	E
	ok
	[ "$(config '.config.OnBuild|length')" = 2 ]
	build '{"TAG":"child:latest"}' <<-'E'
	FROM parent
	RUN test -f /from-child && test "$(cat /ran)" = ran
	E
	ok
	[ "$(config '.config.OnBuild')" = null ]
}

@test "config: labels, ports, volumes, health, user, signal, inherited and cleared" {
	build '{"labels":{"l":"cli"},"TAG":"conf:latest"}' <<-'E'
	FROM busybox
	LABEL l=file m="a b"
	EXPOSE 80 53/udp
	VOLUME /v
	USER 1:2
	STOPSIGNAL SIGQUIT
	HEALTHCHECK --interval=2s CMD true
	ENTRYPOINT ["/e"]
	CMD ["c"]
	MAINTAINER me
	E
	ok
	[ "$(config .config.Labels.l)" = '"cli"' ]
	[ "$(config .config.ExposedPorts)" = '{"80/tcp":{},"53/udp":{}}' ]
	[ "$(config .config.User)" = '"1:2"' ]
	[ "$(config .config.Healthcheck.Interval)" = 2000000000 ]
	[ "$(config .author)" = '"me"' ]
	build <<-'E'
	FROM conf
	ENTRYPOINT ["/other"]
	E
	ok
	[ "$(config .config.Cmd)" = null ]
	[ "$(config .config.Volumes)" = '{"/v":{}}' ]
}

@test "cache: hits survive, content decides and nothing else" {
	echo AAAA >"$C/f"
	d='FROM busybox
	ARG V=1
	COPY f /f
	RUN cat /proc/sys/kernel/random/uuid >/u
	CMD a'
	build <<<"$d"; ok; first=$(tail -1 <<<"$output")
	build <<<"$d"; ok
	[ "$(tail -1 <<<"$output")" = "$first" ]
	[ "$(grep -c 'Using cache' <<<"$output")" = 2 ]
	# Another time: a hit. Other content with the old time: a miss.
	touch -d 2001-01-01 "$C/f"; build <<<"$d"; [ "$(grep -c 'Using cache' <<<"$output")" = 2 ]
	echo BBBB >"$C/f"; touch -d 2001-01-01 "$C/f"
	build <<<"$d"; ok; hasnt "Using cache"
	# A changed argument misses where it can be seen, the COPY before does not care.
	build '{"buildargs":{"V":"2"}}' <<<"$d"; ok
	[ "$(grep -c 'Using cache' <<<"$output")" = 1 ]
	build '{"nocache":true}' <<<"$d"; ok; hasnt "Using cache"
	# Metadata before a RUN that it cannot change.
	build <<<"${d/CMD a/CMD b}"; [ "$(grep -c 'Using cache' <<<"$output")" = 2 ]
	# Damage: a miss, not a failure.
	for f in "$ROOT"/buildcache/*; do echo x >"$f"; done
	build <<<"$d"; ok; hasnt "Using cache"
}

@test "cache: proxies change nothing" {
	d='FROM busybox
	RUN cat /proc/sys/kernel/random/uuid >/u; echo proxy=$HTTP_PROXY'
	build '{"buildargs":{"HTTP_PROXY":"http://secret"}}' <<<"$d"; ok; has "proxy=http://secret"
	[[ $(config .) != *secret* ]]
	build <<<"$d"; has "Using cache"
}

@test "the same input gives the same image" {
	mkdir -p "$C/d"; echo x >"$C/d/f"; touch -d 2020-02-02T00:00:00Z "$C/d/f" "$C/d"
	d='FROM scratch
	WORKDIR /a/b
	COPY d /new/deep/
	COPY d/f /a/b/
	LABEL x=y'
	build <<<"$d"; ok; layers=$(config .rootfs.diff_ids)
	sleep 1.1
	build '{"nocache":true}' <<<"$d"; ok
	[ "$(config .rootfs.diff_ids)" = "$layers" ]
	d='FROM busybox
	RUN mkdir /x && date >/dev/null && echo y >/x/y && rm /bin/vi'
	build '{"nocache":true,"buildargs":{"SOURCE_DATE_EPOCH":"1000000000"}}' <<<"$d"; ok; first=$(tail -1 <<<"$output")
	[ "$(config .created)" = '"2001-09-09T01:46:40Z"' ]
	sleep 1.1
	build '{"nocache":true,"buildargs":{"SOURCE_DATE_EPOCH":"1000000000"}}' <<<"$d"; ok
	[ "$(tail -1 <<<"$output")" = "$first" ]
}

@test "arguments: global, predefined, unused ones are told" {
	build '{"buildargs":{"G":"busybox","X":"1","NULLED":null}}' <<-'E'
	ARG G=nosuch
	ARG TAG=latest
	FROM ${G}:${TAG} AS s
	ARG G
	ARG TARGETOS
	RUN test "$G" = busybox && test "$TARGETOS" = linux && test -z "$TAG$X"
	E
	ok
	has "[Warning] One or more build-args [X] were not consumed"
}

@test "errors before anything runs: line, instruction, excerpt, nearest word" {
	build <<-'E'
	FROM busybox
	RUN echo never
	RUM x
	E
	[ "$status" -eq 1 ]
	hasnt Step
	has 'Dockerfile:3: unknown instruction: RUM (did you mean RUN?)'
	has '   3 >>> RUM x'
	build <<<"FROM nosuch"
	has "No such image: nosuch:latest"
	build <<<"ARG A=1"
	[ "$status" -eq 1 ]
	run worker build "$C" '{"dockerfile":"nope"}'
	has "Cannot locate specified Dockerfile: nope"
	run worker build "$C" '{"dockerfile":"../../../../etc/passwd"}'
	has "Cannot locate specified Dockerfile"
	run worker build "$C" '{"remote":"https://x/y.git"}'
	[ "$status" -eq 1 ]
	head -c 3000 /dev/urandom >"$B/junk"
	run worker build "$B/junk"
	[ "$status" -eq 1 ]
	has "build context"
}

@test "WORKDIR: made, owned by root, over a file is an error" {
	build <<-'E'
	FROM busybox
	RUN ln -s /tmp /l && touch /f
	WORKDIR /l/x
	RUN test "$PWD" = /tmp/x || test "$(readlink -f .)" = /tmp/x
	WORKDIR /etc
	WORKDIR /proc/self/fd/9
	E
	build <<-'E'
	FROM busybox
	RUN touch /f
	WORKDIR /f
	E
	[ "$status" -eq 1 ]
}

@test "killed: the step dies with the worker, the next build sweeps" {
	printf 'FROM busybox\nRUN echo started; sleep %s\n' $nap >"$C/Dockerfile"
	worker_start build "$C"
	kill -9 "$(pgrep -P $harness -f 'crun-lite-worker build')"
	wait $harness || true
	for _ in $(seq 30); do pgrep -f "^sleep $nap$" >/dev/null || break; sleep 0.1; done
	[ -z "$(pgrep -f "^sleep $nap$")" ]
	build <<<"FROM busybox"
	ok
}

@test "cancelled: the daemon closes its end, everything is taken back" {
	printf 'FROM busybox\nRUN echo started; sleep %s\n' $nap >"$C/Dockerfile"
	worker_start build "$C"
	kill -TERM $harness
	local status=0
	wait $harness || status=$?
	[ $status -eq 1 ]
	[ -z "$(pgrep -f "^sleep $nap$")" ]
}
