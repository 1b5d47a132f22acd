# SPDX-License-Identifier: GPL-2.0-or-later
# What differs between stock kernels: how overlay takes its layers, and which
# security modules the workers' cage meets.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

@test "overlay: more layers than one option of an old kernel can name" {
	local ctx=$BATS_TEST_TMPDIR/ctx i
	mkdir "$ctx"
	{
		echo FROM busybox
		for i in $(seq 20); do
			echo "$i" >"$ctx/f$i"
			echo "COPY f$i /layers/"
		done
		echo 'RUN ls /layers | wc -l >/count'
	} >"$ctx/Dockerfile"
	run crun-lite build -t many "$ctx"
	echo "$output"
	[ "$status" -eq 0 ]
	run crun-lite run --rm many sh -c 'cat /count /layers/f1 /layers/f20; rm /layers/f1; ls /layers | wc -l'
	[ "$status" -eq 0 ]
	[ "$(paste -sd ' ' <<<"$output")" = "20 1 20 19" ]
}

@test "workers: save, load and build under the kernel's Landlock" {
	grep -q landlock /sys/kernel/security/lsm || skip "this kernel has no Landlock"
	crun-lite save -o "$BATS_TEST_TMPDIR/b.tar" busybox
	crun-lite rmi busybox
	crun-lite load -q -i "$BATS_TEST_TMPDIR/b.tar"
	mkdir "$BATS_TEST_TMPDIR/ctx"
	printf 'FROM busybox\nRUN echo kept >/kept\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
	crun-lite build -q -t kept "$BATS_TEST_TMPDIR/ctx"
	[ "$(crun-lite run --rm kept cat /kept)" = kept ]
}

@test "users of its own: layers through a map, durable and volatile, volumes, commit" {
	for how in --rm -d; do
		run crun-lite run $how --userns=auto -v uv:/v busybox sh -c 'touch /v/x /x; stat -c %u / /bin /v/x /x >/v/owners; ip link set lo down; true'
		echo "$output"
		[ "$status" -eq 0 ]
		owners() { [ "$(sort -u "$DATA_ROOT/volumes/uv/_data/owners")" = 0 ]; }
		wait_until 30 owners
		rm "$DATA_ROOT/volumes/uv/_data/owners"
	done
	[ "$(stat -c %u "$DATA_ROOT/volumes/uv/_data/x")" = 0 ]
	id=$(crun-lite ps -aq)
	run curl -fsS --unix-socket "$CRL/s" -X POST "http://d/commit?container=$id&repo=unshifted"
	[ "$status" -eq 0 ]
	[ "$(crun-lite run --rm unshifted stat -c %u /x)" = 0 ]
	crun-lite rm -v "$id"
}
