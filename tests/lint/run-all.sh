#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What reads the code without running it: format, shell scripts, cppcheck, the
# project's own rules, and a second compiler.
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0 skipped=0
check() { # NAME COMMAND...: quiet when it is fine
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'lint: %s\n%s\n' "$name" "$out" | head -n 60
	fi
}
skip() { skipped=$((skipped + 1)); echo "skip $1: $2"; }
have() { command -v "$1" >/dev/null; }
sources() { git ls-files '*.c' '*.h' 2>/dev/null || find src runtime image include tests -name '*.[ch]'; }

no_match() { # MESSAGE PATTERN FILES...
	local message=$1 pattern=$2
	shift 2
	if grep -nE "$pattern" "$@"; then
		echo "$message"
		return 1
	fi
}
spdx() {
	local f bad=0
	for f in $(sources) test.sh demo.sh $(git ls-files 'tests/*.sh' 'tests/*.bats' 'rootfs-fixtures/*.sh'); do
		head -n 3 "$f" | grep -q SPDX-License-Identifier || { echo "$f"; bad=1; }
	done
	return $bad
}
layers() { # dependencies point one way: docs/ARCHITECTURE.md
	local programs='daemon|cli|monitor|worker|dns|tls'
	! { grep -rnE "#include [<\"](image|$programs)/" runtime ||
		grep -rnE "#include [<\"](runtime|$programs)/" image ||
		grep -rnE "#include [<\"](runtime|image|$programs)/" src/base src/dns src/tls ||
		grep -rnE '#include [<"](runtime|image|daemon|monitor|worker|dns|tls)/' src/cli ||
		grep -rnE '#include [<"](cli|monitor|worker|dns|tls)/' src/daemon ||
		grep -rnE '#include [<"](cli|daemon|worker|dns|tls)/' src/monitor ||
		grep -rnE '#include [<"](cli|daemon|monitor|dns|tls)/' src/worker; }
}
# The formatter's output differs between its versions: the tree follows 14 and 19 where both agree.
format() {
	sources | xargs clang-format --dry-run --Werror 2>&1 | grep -E 'error:' | cut -d: -f1 | sort | uniq -c | sort -rn | head -n 20 | grep . && return 1
	return 0
}
second_compiler() {
	[ -f build-clang/build.ninja ] || CC=clang meson setup build-clang -Dwerror=true -Dtests=true >/dev/null || return 1
	ninja -C build-clang --quiet
}

check 'SPDX line in every file' spdx
check 'dependencies point one way' layers
# shellcheck disable=SC2046
check 'no unbounded string functions' no_match 'use the bounded form' '\b(strcpy|strcat|sprintf|gets|alloca)\(' \
	$(sources | grep -v '^tests/')
# shellcheck disable=SC2046
check 'no shell from C' no_match 'spawn by argument vector' '\b(system|popen)\(' $(sources | grep -v '^tests/')
if have clang-format && clang-format --version | grep -q 'version 14'; then
	check 'clang-format' format
else
	skip 'clang-format' 'version 14 decides the layout'
fi
if have shellcheck; then
	# shellcheck disable=SC2046
	check 'shellcheck' shellcheck -x -S warning -e SC1090,SC1091,SC2034,SC2155 demo.sh test.sh .ci/run $(git ls-files 'tests/*.sh' 'rootfs-fixtures/*.sh')
else
	skip shellcheck 'not installed'
fi
if have cppcheck; then
	check 'cppcheck' cppcheck --quiet --error-exitcode=1 --enable=warning,portability --std=c11 \
		--suppress=*:/usr/* --suppress=missingIncludeSystem --inline-suppr --suppress=uninitvar \
		--suppress=unknownMacro --suppress=memleak --suppress=comparePointers --suppress=varFuncNullUB --suppress=internalAstError --suppress=nullPointer --suppress=syntaxError --suppress=nullPointerRedundantCheck \
		--suppress=nullPointerOutOfMemory --suppress=nullPointerArithmeticOutOfMemory --max-ctu-depth=2 -j2 -Isrc -Iinclude src runtime image
else
	skip cppcheck 'not installed'
fi
if have clang; then
	check 'clang builds without warnings' second_compiler
else
	skip clang 'not installed'
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
