/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of `run` to the API body: a table of command lines and the JSON they make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cli/commands.h>
#include <cli/create.h>

/* Words are split at blanks. `path` leads to a value of the body by '|'. */
static const struct {
	const char *words, *path, *json; /* json NULL = an error that contains `path` */
} cases[] = {
	{"img a b", "Cmd", "[\"a\",\"b\"]"},
	{"img", "Image", "\"img\""},
	{"-e A=1 -e B= img", "Env", "[\"A=1\",\"B=\"]"},
	{"-e CLI_TEST_SET -e CLI_TEST_UNSET img", "Env", "[\"CLI_TEST_SET=here\"]"},
	{"--entrypoint sh img -c x", "Entrypoint", "[\"sh\"]"},
	{"-m 64m img", "HostConfig|Memory", "67108864"},
	{"--memory-swap -1 img", "HostConfig|MemorySwap", "-1"},
	{"--cpus 1.5 img", "HostConfig|NanoCpus", "1500000000"},
	{"--pids-limit 9 img", "HostConfig|PidsLimit", "9"},
	{"--rm img", "HostConfig|AutoRemove", "true"},
	{"--network host img", "HostConfig|NetworkMode", "\"host\""},
	{"--net n1 --network-alias a img", "NetworkingConfig|EndpointsConfig",
	 "{\"n1\":{\"Aliases\":[\"a\"]}}"},
	{"--network name=n1,alias=a,ip=10.0.0.9 --network n2 img",
	 "NetworkingConfig|EndpointsConfig",
	 "{\"n1\":{\"Aliases\":[\"a\"],\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.9\"}},\"n2\":{}}"},
	{"img", "NetworkingConfig|EndpointsConfig", "{}"},
	{"--network name=n1,gw-priority=7,driver-opt=a=b=c,link-local-ip=169.254.1.1 img",
	 "NetworkingConfig|EndpointsConfig",
	 "{\"n1\":{\"GwPriority\":7,\"DriverOpts\":{\"a\":\"b=c\"},"
	 "\"IPAMConfig\":{\"LinkLocalIPs\":[\"169.254.1.1\"]}}}"},
	{"--network n1 --link db:x img", "NetworkingConfig|EndpointsConfig",
	 "{\"n1\":{\"Links\":[\"db:x\"]}}"},
	{"--link db:x img", "HostConfig|Links", "[\"db:x\"]"},
	{"--link db:x img", "NetworkingConfig|EndpointsConfig", "{}"},
	{"--mac-address 02:00:00:00:00:01 img", "NetworkingConfig|EndpointsConfig",
	 "{\"default\":{\"MacAddress\":\"02:00:00:00:00:01\"}}"},
	{"--network name=n1,ip=10.0.0.9 --ip 10.0.0.8 img", "per-network IPv4 address", NULL},
	{"--network name=n1,alias=a --network-alias b img", "per-network alias", NULL},
	{"--network-alias b img", "only supported for user-defined networks", NULL},
	{"--network host --network n1 img", "cannot attach both user-defined", NULL},
	{"--network n1 --network n1 img", "is specified multiple times", NULL},
	{"--network name=n1,gw-priority=x img", "invalid gw-priority", NULL},
	{"--network alias=x img", "network name/id is not specified", NULL},
	{"-p 8080:80 img", "HostConfig|PortBindings",
	 "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}"},
	{"-p 127.0.0.1:53:53/udp img", "HostConfig|PortBindings",
	 "{\"53/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"53\"}]}"},
	{"-p [::1]:90:90 img", "HostConfig|PortBindings",
	 "{\"90/tcp\":[{\"HostIp\":\"::1\",\"HostPort\":\"90\"}]}"},
	{"-p 127.0.0.1::90 img", "HostConfig|PortBindings",
	 "{\"90/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}]}"},
	{"-p 80 img", "HostConfig|PortBindings",
	 "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]}"},
	{"-p 8000-8001:80-81 img", "ExposedPorts", "{\"80/tcp\":{},\"81/tcp\":{}}"},
	{"-p 8000-8009:80 img", "HostConfig|PortBindings",
	 "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8000-8009\"}]}"},
	{"-p target=80,published=8080,protocol=udp img", "HostConfig|PortBindings",
	 "{\"80/udp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}"},
	{"-p x:80 img", "invalid hostPort", NULL},
	{"-p 70000:80 img", "invalid hostPort", NULL},
	{"-p 80:0 img", "invalid containerPort", NULL},
	{"-p 1.2.3:80:80 img", "invalid publish", NULL},
	{"-p 80:80/xyz img", "invalid proto", NULL},
	{"-v /a:/b:ro img", "HostConfig|Binds", "[\"/a:/b:ro\"]"},
	{"-v vol:/b img", "HostConfig|Binds", "[\"vol:/b\"]"},
	{"-v /data img", "Volumes", "{\"/data\":{}}"},
	{"--tmpfs /run:size=1m img", "HostConfig|Tmpfs", "{\"/run\":\"size=1m\"}"},
	{"--mount type=bind,src=/a,dst=/b,ro img", "HostConfig|Mounts",
	 "[{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\",\"ReadOnly\":true}]"},
	{"--mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777 img", "HostConfig|Mounts",
	 "[{\"Type\":\"tmpfs\",\"Target\":\"/"
	 "t\",\"TmpfsOptions\":{\"SizeBytes\":1048576,\"Mode\":1023}}]"},
	{"--mount type=volume,target=/v,\"volume-opt=o=a,b\" img", "HostConfig|Mounts",
	 "[{\"Type\":\"volume\",\"Target\":\"/"
	 "v\",\"VolumeOptions\":{\"DriverConfig\":{\"Options\":{\"o\":\"a,b\"}}}}]"},
	{"--mount type=bind,bogus=1,target=/t img", "unknown option 'bogus'", NULL},
	{"--mount type=bind,source=/x img", "target is required", NULL},
	{"--ulimit nofile=10:20 img", "HostConfig|Ulimits",
	 "[{\"Name\":\"nofile\",\"Soft\":10,\"Hard\":20}]"},
	{"--ulimit nofile=30:20 img", "soft limit must be less", NULL},
	{"--ulimit nofile img", "invalid ulimit", NULL},
	{"--device /dev/a:/dev/b:rw img", "HostConfig|Devices",
	 "[{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/"
	 "b\",\"CgroupPermissions\":\"rw\"}]"},
	{"--restart on-failure:3 img", "HostConfig|RestartPolicy",
	 "{\"Name\":\"on-failure\",\"MaximumRetryCount\":3}"},
	{"--restart always --rm img", "conflicting options", NULL},
	{"-d -a stdout img", "conflicting options", NULL},
	{"--health-cmd true --health-interval 5s img", "Healthcheck",
	 "{\"Test\":[\"CMD-SHELL\",\"true\"],\"Interval\":5000000000}"},
	{"--no-healthcheck img", "Healthcheck", "{\"Test\":[\"NONE\"]}"},
	{"--no-healthcheck --health-cmd x img", "conflicts", NULL},
	{"--security-opt no-new-privileges --security-opt seccomp=unconfined img",
	 "HostConfig|SecurityOpt", "[\"no-new-privileges\",\"seccomp=unconfined\"]"},
	{"--security-opt seccomp=/nonexistent.json img", "opening seccomp profile", NULL},
	{"--add-host db=10.0.0.1 img", "HostConfig|ExtraHosts", "[\"db:10.0.0.1\"]"},
	{"--log-driver none --log-opt a=b img", "HostConfig|LogConfig",
	 "{\"Type\":\"none\",\"Config\":{\"a\":\"b\"}}"},
	{"--sysctl net.x=1 img", "HostConfig|Sysctls", "{\"net.x\":\"1\"}"},
	{"--sysctl net.x img", "must be formatted as key=value", NULL},
	{"-l a=b -l c img", "Labels", "{\"a\":\"b\",\"c\":\"\"}"},
	{"--cpus nan img", "invalid number of CPUs", NULL},
	{"--device-read-bps /dev/sda:1mb img", "HostConfig|BlkioDeviceReadBps",
	 "[{\"Path\":\"/dev/sda\",\"Rate\":1048576}]"},
};

static int make(const char *words, cJSON **ret, struct crl_err *err)
{
	_cleanup_strv_ char **argv = strv_split(words, " ", false);
	_cleanup_opts_ struct opts o = {0};
	_cleanup_free_ char **with_name = calloc(strv_len(argv) + 2, sizeof *with_name);
	bool help;
	memcpy(with_name + 1, argv, strv_len(argv) * sizeof *argv);
	with_name[0] = (char *)"run";
	if (opt_parse(cmd_run.opts, cmd_run.n_opts, (int)strv_len(argv) + 1, with_name, true, &o,
		      &help, err) < 0)
		return -1;
	return create_body(&o, false, true, true, ret, err);
}

static char *value_at(const cJSON *body, const char *path)
{
	_cleanup_strv_ char **keys = strv_split(path, "|", false);
	for (char **k = keys; *k; k++)
		body = cJSON_GetObjectItemCaseSensitive(body, *k);
	return body ? cJSON_PrintUnformatted(body) : strdup("(absent)");
}

static void test_cases(void **state)
{
	setenv("CLI_TEST_SET", "here", 1);
	unsetenv("CLI_TEST_UNSET");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_cjson_ cJSON *body = NULL;
		struct crl_err err = CRL_ERR_INIT;
		int r = make(cases[i].words, &body, &err);
		if (!cases[i].json) {
			if (r == 0 || !strstr(err.msg, cases[i].path))
				fail_msg("%s: no error, or not '%s': %s", cases[i].words,
					 cases[i].path, err.msg);
			continue;
		}
		if (r < 0)
			fail_msg("%s: %s", cases[i].words, err.msg);
		_cleanup_free_ char *value = value_at(body, cases[i].path);
		if (!str_eq(value, cases[i].json))
			fail_msg("%s: %s is %s, not %s", cases[i].words, cases[i].path, value,
				 cases[i].json);
	}
}

/* A relative folder is made absolute here: the daemon cannot know where we are. */
static void test_relative_bind(void **state)
{
	_cleanup_cjson_ cJSON *body = NULL;
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(chdir("/usr"), 0);
	assert_int_equal(make("-v ./lib:/b -v .:/c img", &body, &err), 0);
	_cleanup_free_ char *value = value_at(body, "HostConfig|Binds");
	assert_string_equal(value, "[\"/usr/lib:/b\",\"/usr:/c\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_relative_bind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
