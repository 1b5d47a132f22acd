#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Everything this host can test, with one command. Installs what is missing
# from the distribution, builds, runs, and ends with one line of counts.
#
#	sudo ./test.sh            all levels in their short form
#	./test.sh unit            neither root nor network, seconds
#	sudo ./test.sh system|api|e2e|vm|fuzz|fault|soak|bench|lint|demo
#	BATS=pattern              only the .bats files whose name matches
set -u
cd "$(dirname "$0")" || exit 1
top=$PWD
. tests/harness/packages.sh
. tests/harness/count.sh

levels=("$@")
[ $# -gt 0 ] || levels=(unit sanitize lint system api e2e fault fuzz soak vm bench demo)
has() { case " ${levels[*]} " in *" $1 "*) true ;; *) false ;; esac }
only_unit() { [ "${levels[*]}" = unit ]; }

# shellcheck disable=SC2086
need_packages $packages_build $packages_unit || exit 1
if ! only_unit; then
	[ "$(id -u)" = 0 ] || { echo "everything but './test.sh unit' needs root" >&2; exit 1; }
	# shellcheck disable=SC2086
	need_packages $packages_test || exit 1
	has bench && need_packages $packages_bench
	{ has bench || has system || has e2e; } && need_packages $packages_peers
	[ "${levels[*]}" = bench ] && need_packages $packages_bench_full
	has api && need_packages $packages_clients
	has fuzz && need_packages $packages_fuzz
	has fault && need_packages $packages_fault
	has lint && need_packages $packages_lint
fi
# Asked for by name, fuzzing is a search; in the default run it is a repeatable check.
if [ "${levels[*]}" = fuzz ]; then
	export FUZZ_SECONDS=${FUZZ_SECONDS:-60} FUZZ_RUNS=${FUZZ_RUNS:--1} FUZZ_SEED=${FUZZ_SEED:-0}
fi

say() { printf '\n== %s (after %d s)\n' "$*" "$SECONDS"; }

# Two builds: one as users get it but with failpoints, one with sanitizers.
build() {
	local dir=$1
	shift
	[ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
	rm -f "$dir.log"
	ninja -C "$dir" --quiet || return 1
}
say "build"
build build-test -Dfailpoints=true -Dwerror=true || exit 1
export CRUN_LITE_BUILD=$top/build-test
export CRUN_LITE_LIBEXEC=$CRUN_LITE_BUILD/src/worker:$CRUN_LITE_BUILD/src/monitor:$CRUN_LITE_BUILD/src/tls:$CRUN_LITE_BUILD/src/dns

for level in "${levels[@]}"; do
	say "$level"
	case $level in
	unit) run_unit build-test ;;
	sanitize)
		build build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dfailpoints=true &&
			ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1 run_unit build-asan
		;;
	system | api | e2e | fault | soak)
		[ "$level" != api ] || rm -f "$CRUN_LITE_BUILD/schema-seen"
		run_bats "tests/$level"
		;;
	lint | vm | fuzz | bench) count_script "$level" "tests/$level/run-all.sh" ;;
	demo) count_script demo ./demo.sh ;;
	*) echo "unknown level '$level'; see the head of $0" >&2; exit 2 ;;
	esac || count_fail "$level"
done
count_summary
