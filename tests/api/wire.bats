# SPDX-License-Identifier: GPL-2.0-or-later
# The wire itself, and python3-docker, which speaks it in its own way.
bats_require_minimum_version 1.5.0
load ../harness/daemon

NO_SCHEMA=1 # looks at the socket itself
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

api() { curl -sS --unix-socket "$CRL/s" "$@"; }
code() { api -o /dev/null -w '%{http_code}' "$@"; }

@test "_ping: headers, and HEAD without a body" {
	run api -i http://d/_ping
	[[ $output == *"Api-Version: 1.51"* && $output == *"Builder-Version: 1"* ]]
	[[ $output == *"Docker-Experimental: false"* && $output == *"Ostype: linux"* ]]
	[[ $output == *"Swarm: inactive"* && $output == *OK ]]
	run api -I http://d/v1.24/_ping
	[[ $output == *"Content-Length: 0"* ]]
}

@test "every API version from 1.24 on answers, others are refused" {
	for minor in $(seq 24 51); do
		[ "$(code http://d/v1.$minor/version)" = 200 ]
	done
	[ "$(code http://d/v1.23/version)" = 400 ]
	[ "$(code http://d/v1.52/version)" = 400 ]
	[ "$(code http://d/vxx/version)" = 404 ]
	[ "$(code -X PUT http://d/version)" = 404 ]
}

@test "bad bodies and queries are refused with a message" {
	j='Content-Type: application/json'
	[ "$(code -H "$j" -d '{' http://d/containers/create)" = 400 ]
	[ "$(code -H 'Content-Type: text/plain' -d '{}' http://d/containers/create)" = 400 ]
	[ "$(code 'http://d/images/json?filters=%7B')" = 400 ]
	[ "$(code 'http://d/events?since=tomorrow')" = 400 ]
	[ "$(code http://d/images/UPPER/json)" = 400 ]
	head -c 5000000 /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/big"
	[ "$(code -H "$j" --data-binary @"$BATS_TEST_TMPDIR/big" http://d/containers/create)" = 413 ]
	[ "$(code http://d/_ping)" = 200 ]
}

@test "paths with a thousand slashes, NUL and dots are only not found" {
	p=$(printf 'a/%.0s' $(seq 1000))
	[ "$(code --path-as-is "http://d/images/${p}json")" -ge 400 ]
	[ "$(code --path-as-is 'http://d/images/%00/json')" -ge 400 ]
	[ "$(code --path-as-is 'http://d/containers/../../etc/json')" -ge 400 ]
	[ "$(code http://d/_ping)" = 200 ]
}

@test "a truncated archive is refused and leaves nothing" {
	before=$(ls "$DATA_ROOT/blobs/sha256" "$DATA_ROOT/layers")
	head -c 100000 "$(busybox_archive)" >"$BATS_TEST_TMPDIR/cut.tar"
	run api -T "$BATS_TEST_TMPDIR/cut.tar" -X POST http://d/images/load
	[[ $output == *'"message"'* || $output == *'"errorDetail"'* ]]
	wait_until 5 test "$(ls "$DATA_ROOT/blobs/sha256" "$DATA_ROOT/layers")" = "$before"
	staging_is_empty() { [ -z "$(ls "$DATA_ROOT/tmp")" ]; }
	wait_until 5 staging_is_empty
}

@test "a client that leaves in the middle of a load ends the worker" {
	run python3 - "$CRL/s" "$(daemon_pid)" <<'PY'
import socket, subprocess, sys, time
def workers():
    return subprocess.run(["pgrep", "-P", sys.argv[2], "-f", "crun-lite-worker load"], stdout=subprocess.DEVNULL).returncode == 0
def wait(what):
    end = time.time() + 5
    while time.time() < end:
        if workers() == what: return
        time.sleep(0.02)
    raise SystemExit("no worker" if what else "the worker goes on")
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.send(b"POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 9999999\r\n\r\nhalf")
wait(True)
s.close()
wait(False)
PY
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "python3-docker: images, events, build" {
	python3 -c 'import docker' || skip "python3-docker is not installed"
	run python3 - <<'PY'
import docker, io, os
c = docker.from_env(version="auto")
assert c.ping()
assert c.version()["ApiVersion"] == "1.51"
assert "busybox:latest" in c.images.get("busybox").tags
with open(os.environ["CRUN_LITE_BUILD"] + "/busybox.tar", "rb") as f:
    assert c.images.load(f)[0].tags == ["busybox:latest"]
i = c.images.get("busybox")
assert i.tag("py/x", "2")
assert c.images.list(filters={"reference": "py/*"})[0].id == i.id
c.images.remove("py/x:2")
img, logs = c.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN echo x > /x\n"), tag="py:1")
assert any("Successfully built" in l.get("stream", "") for l in logs)
assert c.containers.run("py:1", "cat /x", remove=True) == b"x\n"
c.images.remove("py:1")
try:
    c.images.get("nosuch")
    raise SystemExit("nosuch was found")
except docker.errors.ImageNotFound as e:
    assert "No such image: nosuch:latest" in str(e)
try:
    c.images.list(filters={"nope": "x"})
    raise SystemExit("a bad filter was taken")
except docker.errors.APIError as e:
    assert e.status_code == 400
print("fine")
PY
	[ "$output" = fine ]
}

@test "SIGHUP reads the settings again, a second daemon is refused, SIGTERM ends clean" {
	kill -HUP "$(daemon_pid)"
	wait_until 5 grep -q reloaded "$CRL/daemon.log"
	run timeout 10 crun-lited --data-root "$DATA_ROOT" --exec-root "$CRL/other" -H "unix://$CRL/s2"
	[ "$status" -eq 1 ]
	[[ $output == *"another daemon is using $DATA_ROOT"* ]]
	run timeout 10 crun-lited --data-root "$CRL/d3" --exec-root "$CRL/e3" -H "unix://$CRL/s" --pidfile "$CRL/p3"
	[ "$status" -eq 1 ]
	[[ $output == *"another daemon is listening there"* ]]
	rm -rf "$CRL/other" "$CRL/d3" "$CRL/e3"
	daemon_stop TERM
	[ ! -e "$CRL/s" ]
	[ ! -e "$CRL/daemon.pid" ]
	# What a killed daemon leaves does not keep the next one from starting.
	daemon_start
	daemon_stop KILL
	daemon_start
	[ "$(api http://d/images/json | jq -r '.[0].RepoTags[0]')" = busybox:latest ]
}

@test "a damaged image is shown, does not stop the start, and can be removed" {
	daemon_stop TERM
	printf 'FROM x' >"$BATS_TEST_TMPDIR/x"
	cp -a "$DATA_ROOT/index.json" "$BATS_TEST_TMPDIR/index.json"
	manifest=$(jq -r '.manifests[0].digest' "$DATA_ROOT/index.json")
	echo garbage >"$DATA_ROOT/blobs/sha256/${manifest#sha256:}"
	daemon_start
	run api http://d/images/busybox/json
	[[ $output == *'"Damage"'* ]]
	run crun-lite run --rm busybox true
	[ "$status" -ne 0 ]
	crun-lite load -q -i "$(busybox_archive)"
	run crun-lite run --rm busybox echo healed
	[ "$output" = healed ]
	# A damaged index: the copy in the database counts.
	daemon_stop TERM
	echo '{' >"$DATA_ROOT/index.json"
	daemon_start
	run crun-lite run --rm busybox echo back
	[ "$output" = back ]
}
