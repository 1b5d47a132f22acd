# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs suites and counts their results from TAP. Sourced by test.sh.

passed=0 failed=0 skipped=0
failures=()

count_fail() {
	failed=$((failed + 1))
	failures+=("$1")
}

# count_tap NAME: reads TAP on stdin, shows what failed or was skipped, counts.
count_tap() {
	local name=$1 line n=0 bad=0
	while IFS= read -r line; do
		case $line in
		'not ok '*)
			bad=1
			count_fail "$name: ${line#not ok }"
			printf '%s: %s\n' "$name" "$line"
			;;
		'ok '*'# '[Ss][Kk][Ii][Pp]*)
			skipped=$((skipped + 1))
			printf '%s: %s\n' "$name" "$line"
			;;
		'ok '*)
			bad=0 n=$((n + 1))
			passed=$((passed + 1))
			;;
		'#'*) [ $bad = 0 ] || printf '%s\n' "$line" ;;
		1..*) ;;
		*) [ $bad = 0 ] && [ -z "${VERBOSE:-}" ] || printf '%s\n' "$line" ;;
		esac
	done
	printf '%-40s %4d ok\n' "$name" "$n"
}

# run_unit BUILD: every unit test program; a crash counts as a failure.
run_unit() {
	local program out status
	for program in "$1"/tests/unit/test-*; do
		[ -x "$program" ] && [ -f "$program" ] || continue
		out=$(mktemp)
		CMOCKA_MESSAGE_OUTPUT=TAP timeout 300 "$program" >"$out" 2>&1
		status=$?
		# A program that died has printed no failing line of its own.
		if [ $status -ne 0 ] && ! grep -q '^not ok' "$out"; then
			tail -n 30 "$out"
			count_fail "${program##*/}: exit status $status"
		fi
		count_tap "${program##*/}" <"$out"
		rm -f "$out"
	done
}

# run_bats DIR: each file of a suite, or with BATS_FILTER the tests whose names match; after each,
# the host must be as before.
run_bats() {
	local file out
	for file in "$1"/*.bats; do
		[ -e "$file" ] || continue
		case $file in *${BATS:-}*) ;; *) continue ;; esac
		out=$(mktemp)
		timeout --foreground "${BATS_TIMEOUT:-600}" bats --tap ${BATS_FILTER:+-f "$BATS_FILTER"} "$file" \
			>"$out" 2>&1 </dev/null
		status=$?
		if [ $status -ne 0 ] && ! grep -q '^not ok' "$out"; then
			tail -n 30 "$out"
			count_fail "$file: exit status $status"
		fi
		count_tap "$file" <"$out"
		rm -f "$out"
	done
}

# count_script NAME COMMAND...: one result; the output is shown when it fails.
# A last line "N passed, N failed, N skipped" is counted instead of the status.
count_script() {
	local name=$1 out status counts
	shift
	out=$(mktemp)
	"$@" >"$out" 2>&1 </dev/null
	status=$?
	counts=$(tail -n 1 "$out" | grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$')
	if [ -n "$counts" ]; then
		head -n -1 "$out"
		# shellcheck disable=SC2086
		set -- $counts
		passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
		[ "$3" = 0 ] || failures+=("$name: $3 failed")
	elif [ $status -eq 0 ]; then
		tail -n "${SHOW_LINES:-3}" "$out"
		passed=$((passed + 1))
	else
		cat "$out"
		count_fail "$name: exit status $status"
	fi
	rm -f "$out"
	return 0
}

count_summary() {
	local f
	if [ $failed -gt 0 ]; then
		echo
		echo "failed:"
		for f in "${failures[@]}"; do echo "  $f"; done
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
}
