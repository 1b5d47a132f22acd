/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <daemon/config.h>
#include <daemon/config_keys.h>

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
		{"{\"data-root\":\"/x\",\"labels\":[\"c=d\"]}",
		 "the following directives are specified both as a flag and in the configuration "
		 "file: data-root: (from flag: /given, from file: /x), labels: (from flag: [a=b], "
		 "from file: [c=d])"},
		{"{\"debug\":\"yes\"}", "debug: expected true or false"},
		{"{\"hosts\":\"fd://\"}", "hosts: expected a list of strings"},
		{"{\"bip\":1}", "bip: expected a string"},
		{"{\"netns-pool\":\"4\"}", "netns-pool: expected a number"},
		{"{\"netns-pool\":1.5}", "netns-pool: 1.5 is no number between -1 and 1024"},
		{"[]", "expected a JSON object"},
	};
	struct config_cli cli;
	struct crl_err given;

	assert_int_equal(parse(ARGS("--data-root", "/given", "--label", "a=b"), &cli, &given), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct daemon_config c = {0};
		struct crl_err err;
		int r = config_parse_file(cases[i].text, strlen(cases[i].text), &cli.config, &c,
					  &err);

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
	config_cli_free(&cli);
}

static void one_file(const char *text, struct daemon_config *ret, struct crl_err *err, int want)
{
	static const struct daemon_config none = {0};

	*ret = (struct daemon_config){0};
	*err = (struct crl_err)CRL_ERR_INIT;
	if (config_parse_file(text, strlen(text), &none, ret, err) != want)
		fail_msg("%s: %s", text, err->msg);
}

/* What is not honoured is warned about or refused, but only when it asks for something. */
static void uses(void **state)
{
	static const struct {
		const char *text;
		const char *warning; /* or */
		const char *error;
	} cases[] = {
		{"{\"userland-proxy\":false,\"iptables\":true,\"icc\":true}", NULL, NULL},
		{"{\"userland-proxy\":true}",
		 "userland-proxy: true is ignored: published ports need no process of their own",
		 NULL},
		{"{\"exec-opts\":[\"native.cgroupdriver=cgroupfs\"]}", NULL, NULL},
		{"{\"exec-opts\":[\"native.cgroupdriver=systemd\"]}", NULL,
		 "exec-opts: [native.cgroupdriver=systemd] is not supported: cgroups are driven "
		 "without systemd (native.cgroupdriver=cgroupfs)"},
		{"{\"selinux-enabled\":true}", NULL,
		 "selinux-enabled: true is not supported: containers would run without their "
		 "labels"},
		{"{\"authorization-plugins\":[],\"storage-driver\":\"overlay2\"}", NULL, NULL},
		{"{\"features\":{\"buildkit\":false},\"labels\":null}", NULL, NULL},
		{"", NULL, NULL},
		{" \n", NULL, NULL},
	};
	struct daemon_config c;
	struct crl_err err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		one_file(cases[i].text, &c, &err, cases[i].error ? -1 : 0);
		if (cases[i].error)
			assert_string_equal(err.msg, cases[i].error);
		else if (cases[i].warning)
			assert_string_equal(c.warnings ? c.warnings[0] : "", cases[i].warning);
		else
			assert_null(c.warnings);
		config_free(&c);
	}
}

static void kinds(void **state)
{
	struct daemon_config c;
	struct crl_err err;

	one_file("{\"default-shm-size\":\"1g\",\"shutdown-timeout\":-1,\"live-restore\":false,"
		 "\"default-ulimits\":{\"nofile\":{\"Name\":\"nofile\",\"Soft\":1,\"Hard\":2}}}",
		 &c, &err, 0);
	assert_int_equal(c.default_shm_size, 1 << 30);
	assert_int_equal(c.shutdown_timeout, -1);
	assert_false(c.live_restore);
	assert_non_null(cJSON_GetObjectItem(c.default_ulimits, "nofile"));
	config_free(&c);
	one_file("{\"default-shm-size\":67108864}", &c, &err, 0);
	assert_int_equal(c.default_shm_size, 64 << 20);
	config_free(&c);
}

/* Every flag and every key that must be right together. */
static void checks(void **state)
{
	static const struct {
		const char *args[4];
		const char *error;
	} cases[] = {
		{{"-Htcp://127.0.0.1:2375"},
		 "tcp://127.0.0.1:2375: everybody who reaches it would be root on this machine: "
		 "add --tlsverify with --tlscacert, --tlscert and --tlskey (or "
		 "--tcp-without-authentication, if that is what you want)"},
		{{"-Htcp://127.0.0.1:2375", "--tcp-without-authentication"}, NULL},
		{{"-Htcp://[::1]:2376", "--tls", "--tcp-without-authentication"},
		 "tcp://[::1]:2376: --tls alone lets everybody in who reaches it: add --tlsverify "
		 "and --tlscacert"},
		{{"-Htcp://0.0.0.0:2376", "--tlsverify", "--tlscacert=/a"},
		 "tcp://0.0.0.0:2376: --tlsverify needs --tlscacert, --tlscert and --tlskey"},
		{{"--label", "nope"}, "bad attribute format: nope (labels are KEY=VALUE)"},
		{{"--label=a=1", "--label=a=2"}, "conflict labels for a=1 and a=2"},
		{{"--dns", "8.8.8"}, "dns: 8.8.8 is not an ip address"},
		{{"--registry-mirror", "ftp://x"},
		 "invalid mirror: \"ftp://x\": unsupported scheme (http:// and https:// are)"},
		{{"--default-ulimit", "nofile=4:2"},
		 "default-ulimits: nofile: ulimit soft limit must be less than or equal to hard "
		 "limit: 4 > 2"},
		{{"--default-ulimit", "nofile=1024:2048", "--default-ulimit=nproc=5"}, NULL},
		{{"--default-ipc-mode", "host"},
		 "IPC mode \"host\" is not supported as default value (private or shareable)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[6] = {(char *)"crun-lited"};
		struct daemon_config c = {0};
		struct config_cli cli;
		struct crl_err err = CRL_ERR_INIT;
		int argc = 1;

		for (const char *const *a = cases[i].args; argc < 5 && *a; a++)
			argv[argc++] = (char *)(uintptr_t)*a;
		assert_int_equal(parse(argv, argc, &cli, &err), 0);
		assert_int_equal(config_load(&cli, &c, &err), cases[i].error ? -1 : 0);
		if (cases[i].error)
			assert_string_equal(err.msg, cases[i].error);
		config_free(&c);
		config_cli_free(&cli);
	}
}

/* Each key once, each flag once; what is not honoured says why. */
static void table(void **state)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];

		assert_true(row->key || row->option);
		if (row->use != CONFIG_HONOURED)
			assert_false(str_empty(row->help));
		if (row->use == CONFIG_HONOURED && row->kind == CONFIG_TREE)
			assert_non_null(row->check);
		if (row->use == CONFIG_HONOURED && row->kind == CONFIG_TREE && row->option)
			assert_non_null(row->add);
		for (size_t k = 0; k < i; k++) {
			assert_false(row->key && str_eq(row->key, config_rows[k].key));
			assert_false(row->option && str_eq(row->option, config_rows[k].option));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),     cmocka_unit_test(defaults),
		cmocka_unit_test(bad_options), cmocka_unit_test(files),
		cmocka_unit_test(uses),        cmocka_unit_test(kinds),
		cmocka_unit_test(checks),      cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
