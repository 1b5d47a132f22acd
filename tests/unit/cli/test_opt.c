/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line parsing: docker's forms of options, and its error texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cli/command.h>
#include <cli/commands.h>

static const struct opt_spec specs[] = {
	{'d', "detach", OPT_BOOL, NULL, "bool"},
	{'i', "interactive", OPT_BOOL, NULL, "bool"},
	{'t', "tty", OPT_BOOL, NULL, "bool"},
	{'e', "env", OPT_LIST, "list", "list"},
	{0, "name", OPT_STR, "string", "string"},
	{'n', "tail", OPT_INT, "int", "int", "7"},
	{0, "sig-proxy", OPT_BOOL, NULL, "on", "true"},
	{0, "title", OPT_STR, "string", NULL, NULL, "name"},
};

static int parse(bool stop, struct opts *o, struct crl_err *err, bool *help, ...)
{
	char *argv[16] = {(char *)"prog"};
	int argc = 1;
	va_list ap;
	va_start(ap, help);
	for (char *a; (a = va_arg(ap, char *));)
		argv[argc++] = a;
	va_end(ap);
	return opt_parse(specs, ARRAY_SIZE(specs), argc, argv, stop, o, help, err);
}

#define PARSE(stop, ...)                                                                           \
	struct crl_err err = CRL_ERR_INIT;                                                         \
	_cleanup_opts_ struct opts o = {0};                                                        \
	bool help = false;                                                                         \
	int r = parse(stop, &o, &err, &help, __VA_ARGS__, NULL)

static void test_combined_letters(void **state)
{
	PARSE(false, "-dit", "-eA=1", "-e", "B=2", "-n=3", "x");
	assert_int_equal(r, 0);
	assert_true(opt_bool(&o, "detach") && opt_bool(&o, "interactive") && opt_bool(&o, "tty"));
	assert_string_equal(opt_list(&o, "env")[0], "A=1");
	assert_string_equal(opt_list(&o, "env")[1], "B=2");
	assert_int_equal(opt_int(&o, "tail"), 3);
	assert_int_equal(o.n_args, 1);
}

static void test_values_and_defaults(void **state)
{
	PARSE(false, "--name=a=b", "--sig-proxy=false", "--", "--name");
	assert_int_equal(r, 0);
	assert_string_equal(opt_str(&o, "name"), "a=b");
	assert_false(opt_bool(&o, "sig-proxy"));
	assert_int_equal(opt_int(&o, "tail"), 7);
	assert_false(opt_set(&o, "tail"));
	assert_string_equal(o.args[0], "--name");
}

static void test_alias(void **state)
{
	PARSE(false, "--title", "x");
	assert_int_equal(r, 0);
	assert_string_equal(opt_str(&o, "name"), "x");
}

static void test_stops_at_image(void **state)
{
	PARSE(true, "-d", "busybox", "-d", "--name", "--", "-x");
	assert_int_equal(r, 0);
	assert_int_equal(o.n_args, 5);
	assert_string_equal(o.args[1], "-d");
	assert_string_equal(o.args[3], "--");
	assert_null(opt_str(&o, "name"));
}

static void test_options_after_arguments(void **state)
{
	PARSE(false, "a", "-d", "b");
	assert_int_equal(r, 0);
	assert_int_equal(o.n_args, 2);
	assert_true(opt_bool(&o, "detach"));
}

static void expect_error(const char *text, ...)
{
	char *argv[8] = {(char *)"prog"};
	int argc = 1;
	struct opts o = {0};
	struct crl_err err = CRL_ERR_INIT;
	bool help = false;
	va_list ap;
	va_start(ap, text);
	for (char *a; (a = va_arg(ap, char *));)
		argv[argc++] = a;
	va_end(ap);
	assert_int_equal(opt_parse(specs, ARRAY_SIZE(specs), argc, argv, false, &o, &help, &err),
			 -1);
	assert_string_equal(err.msg, text);
	assert_null(o.values);
}

static void test_errors(void **state)
{
	expect_error("unknown flag: --nope", "--nope", NULL);
	expect_error("unknown flag: --nmae (did you mean --name?)", "--nmae=x", NULL);
	expect_error("unknown shorthand flag: 'z' in -dz", "-dz", NULL);
	expect_error("flag needs an argument: --name", "--name", NULL);
	expect_error("flag needs an argument: 'e' in -de", "-de", NULL);
	expect_error("invalid argument \"x\" for \"--tail\" flag: not an integer", "-n", "x", NULL);
	expect_error("invalid argument \"maybe\" for \"--detach\" flag: not true or false",
		     "--detach=maybe", NULL);
}

static void test_help(void **state)
{
	PARSE(false, "-d", "-h");
	assert_int_equal(r, 0);
	assert_true(help);
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"run", "rm", "ps", "images", "inspect"};
	assert_string_equal(opt_nearest("rnu", words, 5), "run");
	assert_string_equal(opt_nearest("imgaes", words, 5), "images");
	assert_null(opt_nearest("completely", words, 5));
}

/* Every row of every table: names once, aliases lead somewhere, docker's letters are free of
 * clashes. */
static void test_tables(void **state)
{
	for (size_t i = 0; i < n_command_rows; i++) {
		const struct command *c = command_rows[i].command;
		assert_non_null(c->run);
		assert_non_null(c->summary);
		for (size_t a = 0; a < c->n_opts; a++) {
			for (size_t b = a + 1; b < c->n_opts; b++) {
				assert_string_not_equal(c->opts[a].name, c->opts[b].name);
				assert_false(c->opts[a].letter &&
					     c->opts[a].letter == c->opts[b].letter);
			}
			bool found = !c->opts[a].alias_of;
			for (size_t b = 0; b < c->n_opts && !found; b++)
				found = str_eq(c->opts[b].name, c->opts[a].alias_of);
			assert_true(found);
		}
		for (size_t k = i + 1; k < n_command_rows; k++)
			assert_string_not_equal(command_rows[i].words, command_rows[k].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_combined_letters),
		cmocka_unit_test(test_values_and_defaults),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_stops_at_image),
		cmocka_unit_test(test_options_after_arguments),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
