#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Devices by the Container Device Interface, and GPUs by it.
load ../harness/daemon
bats_require_minimum_version 1.5.0

setup_file() {
	export CDI=$BATS_FILE_TMPDIR/cdi CDI2=$BATS_FILE_TMPDIR/cdi2
	mkdir -p "$CDI" "$CDI2"
	echo secret >"$CDI/lib"
	cat >"$CDI/vendor.yaml" <<-YAML
		cdiVersion: "0.6.0"
		kind: vendor.com/thing
		containerEdits:
		  env: [COMMON=yes]
		devices:
		  - name: one
		    containerEdits:
		      env:
		        - DEVICE=one
		      deviceNodes:
		        - {path: /dev/thing1, hostPath: /dev/zero, permissions: r, fileMode: 0640}
		      mounts:
		        - hostPath: $CDI/lib
		          containerPath: /usr/lib/thing
		          options: [ro, nosuid, nodev, bind]
		      hooks:
		        - hookName: createRuntime
		          path: /bin/sh
		          args: [sh, -c, "echo ran >$CDI/hook"]
		      additionalGids: [4711]
		  - name: two
		    containerEdits:
		      env: [DEVICE2=two]
	YAML
	echo '{"cdiVersion":"0.5.0","kind":"other.org/xx","devices":[{"name":"a","containerEdits":{"env":["X=json"]}}]}' >"$CDI/other.json"
	echo '{"cdiVersion":"0.5.0","kind":"other.org/xx","devices":[{"name":"a","containerEdits":{"env":["X=later folder"]}}]}' >"$CDI2/other.json"
	echo 'kind: [broken' >"$CDI/broken.yaml"
	echo '{"cdiVersion":"0.7.0","kind":"rdt.org/xx","devices":[{"name":"a","containerEdits":{"intelRdt":{"closID":"x"}}}]}' >"$CDI/rdt.json"
	daemon_setup --cdi-spec-dir "$CDI" --cdi-spec-dir "$CDI2"
}
teardown_file() { daemon_teardown; }
setup() { command -v docker >/dev/null || skip "no docker client"; }

@test "environment, node, mount, hook and group of a device" {
	run docker run --rm --device vendor.com/thing=one busybox sh -c \
		'echo $COMMON $DEVICE; head -c 2 /dev/thing1 | wc -c; stat -c %a /dev/thing1; cat /usr/lib/thing; id -G; touch /usr/lib/thing'
	[ "${lines[0]}" = "yes one" ]
	[ "${lines[1]}" = 2 ]
	[ "${lines[2]}" = 640 ]
	[ "${lines[3]}" = secret ]
	[[ " ${lines[4]} " == *" 4711 "* ]]
	[[ ${lines[5]} == *"Read-only file system"* ]]
	[ "$(cat "$CDI/hook")" = ran ]
}

@test "several devices, JSON and YAML, the later folder wins; our command line, too" {
	[ "$(docker run --rm --device vendor.com/thing=one --device vendor.com/thing=two --device other.org/xx=a busybox sh -c 'echo "$COMMON $DEVICE $DEVICE2 $X"')" = "yes one two later folder" ]
	[ "$(crun-lite run --rm --device vendor.com/thing=two busybox sh -c 'echo $DEVICE2')" = two ]
	[ "$(docker run --rm --runtime runc --device other.org/xx=a busybox sh -c 'echo $X')" = "later folder" ]
}

@test "what is not there is named, in docker's words" {
	run docker run --rm --device vendor.com/thing=none --device no.com/such=thing busybox true
	[ "$status" = 125 ]
	[[ $output == *"CDI device injection failed: unresolvable CDI devices vendor.com/thing=none, no.com/such=thing"* ]]
	run docker run --rm --device rdt.org/xx=a busybox true
	[[ $output == *"unresolvable CDI devices rdt.org/xx=a"* ]]
	run docker run --rm --gpus all busybox true
	[ "$status" = 125 ]
	[[ $output == *'could not select device driver "" with capabilities: [[gpu]]'* ]]
	run docker run --rm --gpus driver=nvidia,capabilities=compute busybox true
	[[ $output == *'could not select device driver "nvidia" with capabilities: [[compute gpu]]'* ]]
	run docker run --rm --gpus driver=acme busybox true
	[[ $output == *'could not select device driver "acme" with capabilities: [[gpu]]'* ]]
}

@test "info shows folders, devices, and files that were left out" {
	crun-lite info >/dev/null
	wait_until 5 sh -c "curl -s --unix-socket '$CRL/s' http://d/info | jq -e '.DiscoveredDevices | length == 3'"
	curl -s --unix-socket "$CRL/s" http://d/info >"$CRL/info"
	[ "$(jq -c '[.DiscoveredDevices[] | .Source + ":" + .ID]' "$CRL/info")" = '["cdi:other.org/xx=a","cdi:vendor.com/thing=one","cdi:vendor.com/thing=two"]' ]
	[ "$(jq -c .CDISpecDirs "$CRL/info")" = "[\"$CDI\",\"$CDI2\"]" ]
	jq -r '.Warnings[]' "$CRL/info" | grep -q 'rdt.json: .*intelRdt'
}

@test "GPUs of a vendor that describes some: all, a number, by name" {
	cat >"$CDI/nvidia.yaml" <<-YAML
		cdiVersion: 0.5.0
		kind: nvidia.com/gpu
		devices:
		- {name: "0", containerEdits: {env: [G0=zero]}}
		- {name: "1", containerEdits: {env: [G1=one]}}
		- {name: all, containerEdits: {env: [ALL=all]}}
	YAML
	[ "$(docker run --rm --gpus all busybox sh -c 'echo "$ALL$G0$G1"')" = all ]
	[ "$(docker run --rm --gpus 2 busybox sh -c 'echo "$ALL$G0$G1"')" = zeroone ]
	[ "$(crun-lite run --rm --gpus '"device=1"' busybox sh -c 'echo "$ALL$G0$G1"')" = one ]
	run docker run --rm --gpus 3 busybox true
	[[ $output == *"unresolvable CDI devices nvidia.com/gpu=2"* ]]
}
