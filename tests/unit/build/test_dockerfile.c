/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Dockerfile parser: one row per rule of the format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <base/str.h>
#include "dockerfile.h"

static int parse(const char *text, struct dockerfile *df, struct crl_err *err)
{
	*df = (struct dockerfile){0};
	*err = (struct crl_err)CRL_ERR_INIT;
	return dockerfile_parse("Dockerfile", text, strlen(text), df, err);
}

/* The instructions written back in one canonical line each: "OP --flag=v|arg|arg <<NAME:body". */
static char *dump(const struct dockerfile *df)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < df->n_insns; i++) {
		const struct dockerfile_insn *in = &df->insns[i];
		buf_printf(&b, "%s%s", i ? "\n" : "", dockerfile_op_name(in->op));
		for (size_t j = 0; j < in->n_flags; j++)
			buf_printf(&b, " --%s=%s", in->flags[j].name,
				   in->flags[j].value ? in->flags[j].value : "(none)");
		if (in->exec_form)
			buf_puts(&b, " exec");
		for (size_t j = 0; in->args && in->args[j]; j++)
			buf_printf(&b, "|%s", in->args[j]);
		for (size_t j = 0; j < in->n_heredocs; j++)
			buf_printf(&b, " <<%s%s:%s", in->heredocs[j].name,
				   in->heredocs[j].expand ? "" : "(raw)", in->heredocs[j].body);
	}
	return buf_take(&b);
}

static const struct {
	const char *text, *want;
} good[] = {
	{"FROM a", "FROM|a"},
	{"\xef\xbb\xbf"
	 "from a AS b\r\n\r\n  run x\r\n",
	 "FROM|a|AS|b\nRUN|x"},
	{"# escape=`\nFROM a\nRUN a `\n  b\\", "FROM|a\nRUN|a   b\\"},
	{"# unknown=1\n# escape=`\nFROM a\nRUN x `\n", "FROM|a\nRUN|x `"},
	{"#!/usr/bin/x\n# syntax=docker/dockerfile:1\nFROM a", "FROM|a"},
	{"FROM a\nRUN a \\   \n# comment \\\n\n   b", "FROM|a\nRUN|a    b"},
	{"FROM a\nRUN a \\\\\nRUN b", "FROM|a\nRUN|a \\\\\nRUN|b"},
	{"FROM a\nRUN x \\", "FROM|a\nRUN|x"},
	{"FROM a\n\\\n\nRUN y", "FROM|a\nRUN|y"},
	{"FROM a\nRUN echo # no comment", "FROM|a\nRUN|echo # no comment"},
	{"FROM a\nCMD [\"a\", \"b c\"]", "FROM|a\nCMD exec|a|b c"},
	{"FROM a\nCMD []", "FROM|a\nCMD exec"},
	{"FROM a\nCMD", "FROM|a\nCMD|"},
	{"FROM a\nCMD ['a']", "FROM|a\nCMD|['a']"},
	{"FROM a\nRUN [\"a\"] b", "FROM|a\nRUN|[\"a\"] b"},
	{"FROM a\nENV a=1 b='x y' c=x\\ y d=\"p q\"", "FROM|a\nENV|a|1|b|'x y'|c|x\\ y|d|\"p q\""},
	{"FROM a\nENV k v  w=1", "FROM|a\nENV|k|v  w=1"},
	{"FROM a\nLABEL \"a b\"=c", "FROM|a\nLABEL|\"a b\"|c"},
	{"ARG V=1\nFROM a:$V\nARG V W=\"x y\"", "ARG|V=1\nFROM|a:$V\nARG|V|W=\"x y\""},
	{"FROM --platform=linux/amd64 a", "FROM --platform=linux/amd64|a"},
	{"FROM a\nCOPY --from=0 --chown=1:2 a b c/", "FROM|a\nCOPY --from=0 --chown=1:2|a|b|c/"},
	{"FROM a\nCOPY --link [\"a b\",\"c\"]", "FROM|a\nCOPY --link=(none) exec|a b|c"},
	{"FROM a\nRUN -- --x", "FROM|a\nRUN|--x"},
	{"FROM a\nRUN <<EOF\na\n  b\nEOF\nRUN c", "FROM|a\nRUN|<<EOF <<EOF:a\n  b\n\nRUN|c"},
	{"FROM a\nRUN <<-'E' cat\n\ta\n\tE\n", "FROM|a\nRUN|<<-'E' cat <<E(raw):a\n"},
	{"FROM a\nCOPY <<A <<\"B\" /d/\n1\nA\n2\nB",
	 "FROM|a\nCOPY|<<A|<<\"B\"|/d/ <<A:1\n <<B(raw):2\n"},
	{"FROM a\nRUN cat <<<x", "FROM|a\nRUN|cat <<<x"},
	{"FROM a\nRUN echo \"<<X\"", "FROM|a\nRUN|echo \"<<X\""},
	{"FROM a\nHEALTHCHECK --interval=5s CMD curl x",
	 "FROM|a\nHEALTHCHECK --interval=5s|CMD|curl x"},
	{"FROM a\nHEALTHCHECK none", "FROM|a\nHEALTHCHECK|NONE"},
	{"FROM a\nHEALTHCHECK cmd [\"a\"]", "FROM|a\nHEALTHCHECK exec|CMD|a"},
	{"FROM a\nVOLUME /a /b", "FROM|a\nVOLUME|/a|/b"},
	{"FROM a\nVOLUME [\"/a b\"]", "FROM|a\nVOLUME exec|/a b"},
	{"FROM a\nEXPOSE 80 443/udp", "FROM|a\nEXPOSE|80|443/udp"},
	{"FROM a\nSHELL [\"bash\",\"-c\"]", "FROM|a\nSHELL exec|bash|-c"},
	{"FROM a\nONBUILD COPY --from=x a b", "FROM|a\nONBUILD|COPY --from=x a b"},
	{"FROM a\nMAINTAINER A <b@c>", "FROM|a\nMAINTAINER|A <b@c>"},
	{"FROM a\nWORKDIR /a b", "FROM|a\nWORKDIR|/a b"},
};

static void test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct dockerfile df;
		struct crl_err err;
		if (parse(good[i].text, &df, &err) < 0)
			fail_msg("%s\n-> %s", good[i].text, err.msg);
		_cleanup_free_ char *got = dump(&df);
		assert_string_equal(got, good[i].want);
		dockerfile_free(&df);
	}
}

static const struct {
	const char *text, *message; /* message: a part of it */
} bad[] = {
	{"", "cannot be empty"},
	{"# nothing\n", "cannot be empty"},
	{"ARG A=1", "FROM instruction is missing"},
	{"RUN x\nFROM a", "Dockerfile:1: RUN: no build stage"},
	{"FROM a\nRUM x", "Dockerfile:2: unknown instruction: RUM (did you mean RUN?)"},
	{"FROM a\nXYZZY x", "unknown instruction: XYZZY\n"},
	{"FROM a b", "one or three arguments"},
	{"FROM a IS b", "must be AS"},
	{"# escape=x\nFROM a", "Dockerfile:1: invalid escape"},
	{"# escape=`\n# escape=`\nFROM a", "twice"},
	{"FROM a\nCOPY a", "at least two arguments"},
	{"FROM a\nCOPY --from=a --from=b c d", "duplicate flag: --from"},
	{"FROM a\nENV a", "must have two arguments"},
	{"FROM a\nENV a=1 b", "no = in \"b\""},
	{"FROM a\nENV =1", "can not be blank"},
	{"FROM a\nCMD [\"a\", 1]", "strings only"},
	{"FROM a\nSHELL /bin/sh", "JSON form"},
	{"FROM a\nRUN <<EOF\nx", "Dockerfile:2: RUN: the heredoc is not ended"},
	{"FROM a\nONBUILD ONBUILD RUN x", "chaining ONBUILD"},
	{"FROM a\nONBUILD FROM x", "isn't allowed as an ONBUILD trigger"},
	{"FROM a\nONBUILD RUM x", "did you mean RUN?"},
	{"FROM a\nHEALTHCHECK CMD", "missing command"},
	{"FROM a\nHEALTHCHECK FOO x", "unknown type"},
	{"FROM a\nHEALTHCHECK NONE x", "takes no arguments"},
	{"FROM a\nUSER", "exactly one argument"},
	{"FROM a\nRUN", "at least one argument"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct dockerfile df;
		struct crl_err err;
		if (parse(bad[i].text, &df, &err) == 0)
			fail_msg("accepted: %s", bad[i].text);
		assert_int_equal(err.code, CRL_INVALID);
		if (!strstr(err.msg, bad[i].message))
			fail_msg("%s\n-> %s\nwithout: %s", bad[i].text, err.msg, bad[i].message);
	}
}

static void test_excerpt(void **state)
{
	struct dockerfile df;
	struct crl_err err;

	assert_int_equal(parse("FROM a\nENV x=1\nFOO \\\n  bar\nRUN y\n", &df, &err), -1);
	assert_string_equal(err.msg, "Dockerfile:3: unknown instruction: FOO\n"
				     "   1   | FROM a\n"
				     "   2   | ENV x=1\n"
				     "   3 >>> FOO \\\n"
				     "   4 >>>   bar\n"
				     "   5   | RUN y");
}

static void test_nul_and_size(void **state)
{
	struct dockerfile df;
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(dockerfile_parse("D", "FROM a\0b", 8, &df, &err), -1);
	assert_non_null(strstr(err.msg, "NUL"));
	_cleanup_free_ char *big = calloc(1, DOCKERFILE_MAX_SIZE + 1);
	assert_int_equal(dockerfile_parse("D", big, DOCKERFILE_MAX_SIZE + 1, &df, &err), -1);
	assert_int_equal(err.code, CRL_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_excerpt),
		cmocka_unit_test(test_nul_and_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
