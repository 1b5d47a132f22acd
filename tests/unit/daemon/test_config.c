/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <daemon/config.h>

#define ARGS(...)                                                                                  \
	(char *[]){"crun-lited", __VA_ARGS__, NULL}, (int)ARRAY_SIZE(((char *[]){"", __VA_ARGS__}))

static int parse(char **argv, int argc, struct config_cli *ret, struct crl_err *err)
{
	*ret = (struct config_cli){0};
	return config_parse_args(argc, argv, ret, err);
}

static void options(void **state)
{
	struct config_cli cli;
	struct daemon_config c;
	struct crl_err err;

	assert_int_equal(parse(ARGS("--data-root", "/d/", "--exec-root=/e", "-H", "unix:///a", "-H",
				    "unix:///b", "-D", "--config-file", "/nonexistent"),
			       &cli, &err),
			 0);
	assert_string_equal(cli.config.data_root, "/d/");
	assert_int_equal(strv_len(cli.config.hosts), 2);
	/* A configuration file that was asked for must be there. */
	assert_int_equal(config_load(&cli, &c, &err), -1);
	assert_int_equal(err.code, CRL_NOT_FOUND);
	free(cli.config_file);
	cli.config_file = NULL;
	assert_int_equal(config_load(&cli, &c, &err), 0);
	assert_string_equal(c.data_root, "/d");
	assert_string_equal(c.log_level, "debug");
	assert_string_equal(c.pidfile, "/e/crun-lited.pid");
	config_free(&c);
	config_cli_free(&cli);
}

static void defaults(void **state)
{
	struct config_cli cli = {0};
	struct daemon_config c;
	struct crl_err err;

	assert_int_equal(config_load(&cli, &c, &err), 0);
	assert_string_equal(c.data_root, "/var/lib/crun-lite");
	assert_string_equal(c.hosts[0], "unix:///run/crun-lite/crun-lite.sock");
	assert_null(c.hosts[1]);
	config_free(&c);
}

static void bad_options(void **state)
{
	static const struct {
		char *option;
		const char *text;
	} cases[] = {
		{"--nope", "unknown flag: --nope"},
		{"--data-root", "flag needs an argument: --data-root"},
		{"word", "crun-lited takes no arguments, found word"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config_cli cli;
		struct crl_err err;

		assert_int_equal(parse(ARGS(cases[i].option), &cli, &err), -1);
		assert_string_equal(err.msg, cases[i].text);
		config_cli_free(&cli);
	}
}

static void files(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"{\"debug\":true,\"hosts\":[\"fd://\"],\"bip\":\"10.9.0.1/16\",\"netns-pool\":-1}",
		 NULL},
		{"{\"nope\":1,\"other\":2}",
		 "the following directives don't match any configuration option: nope, other"},
		{"{\"data-root\":\"/x\"}", "the following directives are specified both as a flag "
					   "and in the configuration file: data-root"},
		{"{\"debug\":\"yes\"}", "debug: expected true or false"},
		{"{\"hosts\":\"fd://\"}", "hosts: expected a list of strings"},
		{"{\"bip\":1}", "bip: expected a string"},
		{"{\"netns-pool\":\"4\"}", "netns-pool: expected a number"},
		{"{\"netns-pool\":1.5}", "netns-pool: 1.5 is no number between -1 and 1024"},
		{"[]", "expected a JSON object"},
	};
	const struct daemon_config flags = {.data_root = (char *)"/given"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct daemon_config c = {0};
		struct crl_err err;
		int r = config_parse_file(cases[i].text, strlen(cases[i].text), &flags, &c, &err);

		if (cases[i].error) {
			assert_int_equal(r, -1);
			assert_string_equal(err.msg, cases[i].error);
		} else {
			assert_int_equal(r, 0);
			assert_true(c.debug);
			assert_string_equal(c.bridge_subnet, "10.9.0.1/16");
			assert_int_equal(c.netns_pool, -1);
		}
		config_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),
		cmocka_unit_test(defaults),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
