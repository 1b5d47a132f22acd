#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every fuzz target from its corpus, for at most FUZZ_SECONDS (default 3) and
# FUZZ_RUNS inputs, from one seed, so that the default run repeats itself; `./test.sh
# fuzz` searches for a minute each from a seed of its own.
# What a run finds stays in build-fuzz/found/; a new crash goes into the corpus,
# where the unit tests replay it for good.
cd "$(dirname "$0")/../.." || exit 1
# Absolute names: a target may change its working directory between two inputs.
top=$PWD
if ! command -v clang >/dev/null || ! echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d + !n; }' |
	clang -x c -fsanitize=fuzzer - -o /dev/null 2>/dev/null; then
	echo "skip fuzz: clang with libFuzzer is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
[ -f build-fuzz/build.ninja ] ||
	CC=clang meson setup build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false >build-fuzz.log 2>&1 ||
	{ cat build-fuzz.log; exit 1; }
rm -f build-fuzz.log
ninja -C build-fuzz --quiet fuzzers || exit 1
passed=0 failed=0
mkdir -p build-fuzz/found
for target in build-fuzz/tests/fuzz/fuzz-*; do
	{ [ -x "$target" ] && [ -f "$target" ]; } || continue
	name=${target##*/fuzz-}
	corpus=$top/tests/fuzz/corpus/${name//-/_}
	scratch=$top/build-fuzz/corpus/$name
	mkdir -p "$scratch"
	# shellcheck disable=SC2046
	if "$target" -seed="${FUZZ_SEED:-1}" -runs="${FUZZ_RUNS:-20000}" -max_total_time="${FUZZ_SECONDS:-3}" -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$top/build-fuzz/found/$name-" \
		-print_final_stats=1 "$scratch" $([ -d "$corpus" ] && echo "$corpus") >"$scratch.log" 2>&1; then
		passed=$((passed + 1))
		printf '%-28s %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch.log")"
	else
		failed=$((failed + 1))
		tail -n 40 "$scratch.log"
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
