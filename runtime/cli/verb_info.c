/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state, list, ps, features: what there is. */
#include "../caps.h"
#include "../mount_options.h"
#include "../namespaces.h"
#include "args.h"
#include "cli.h"
#include <base/path.h>
#include <dirent.h>
#include <errno.h>

static void print_json(cJSON *tree)
{
	char *text = cJSON_Print(tree);
	if (text)
		puts(text);
	cJSON_free(text);
}

static cJSON *describe(struct cli *cli, const struct state *s)
{
	cJSON *o = cJSON_CreateObject();
	const char *status = state_status(cli, s);
	json_add_str(o, "ociVersion", s->oci_version);
	json_add_str(o, "id", s->id);
	json_add_i64(o, "pid", str_eq(status, "stopped") ? 0 : s->pid);
	json_add_str(o, "status", status);
	json_add_str(o, "bundle", s->bundle);
	json_add_str(o, "rootfs", s->rootfs);
	json_add_str(o, "created", s->created);
	json_add_str(o, "owner", "");
	if (s->annotations.n)
		json_add_strmap(o, "annotations", &s->annotations);
	return o;
}

int verb_state(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	const char *id;
	_cleanup_state_ struct state s = {0};
	if (cli_one_id("state", argc, argv, &id, err) < 0 || state_read(cli, id, &s, err) < 0)
		return 1;
	_cleanup_cjson_ cJSON *o = describe(cli, &s);
	print_json(o);
	return 0;
}

static void print_row(struct cli *cli, const struct state *s)
{
	const char *status = state_status(cli, s);
	printf("%-20s %-10lld %-10s %-32s %s\n", s->id,
	       (long long)(str_eq(status, "stopped") ? 0 : s->pid), status, s->bundle, s->created);
}

int verb_list(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	const char *format = "table";
	bool quiet = false;
	const struct arg args[] = {{"format", 'f', ARG_STRING, &format, "table or json"},
				   {"quiet", 'q', ARG_FLAG, &quiet, "ids only"},
				   {0}};
	if (args_parse(args, argc, argv, err) < 0)
		return 1;
	bool json = str_eq(format, "json");
	_cleanup_cjson_ cJSON *all = cJSON_CreateArray();
	_cleanup_closedir_ DIR *d = opendir(cli->root);
	if (!json && !quiet)
		printf("%-20s %-10s %-10s %-32s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED");
	struct dirent *e;
	while (d && (e = readdir(d))) {
		_cleanup_state_ struct state s = {0};
		if (e->d_name[0] == '.' || state_read(cli, e->d_name, &s, NULL) < 0)
			continue;
		if (quiet)
			puts(s.id);
		else if (json)
			cJSON_AddItemToArray(all, describe(cli, &s));
		else
			print_row(cli, &s);
	}
	if (json && !quiet)
		print_json(all);
	return 0;
}

int verb_ps(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	const char *format = "table", *id;
	const struct arg args[] = {{"format", 'f', ARG_STRING, &format, "table or json"}, {0}};
	int at = args_parse(args, argc, argv, err);
	_cleanup_state_ struct state s = {0};
	if (at < 0 || cli_one_id("ps", argc - at, argv + at, &id, err) < 0 ||
	    state_read(cli, id, &s, err) < 0)
		return 1;
	_cleanup_free_ char *file = path_printf("%s/cgroup.procs", s.cgroup);
	_cleanup_fclose_ FILE *f = file ? fopen(file, "re") : NULL;
	if (!f) {
		crl_fail(err, CRL_CONFLICT, "container %s has no processes", id);
		return 1;
	}
	_cleanup_cjson_ cJSON *all = cJSON_CreateArray();
	int pid;
	while (fscanf(f, "%d", &pid) == 1)
		cJSON_AddItemToArray(all, cJSON_CreateNumber(pid));
	if (str_eq(format, "json")) {
		print_json(all);
		return 0;
	}
	puts("PID");
	const cJSON *n;
	cJSON_ArrayForEach (n, all)
		printf("%d\n", n->valueint);
	return 0;
}

static void add_strings(cJSON *o, const char *key, const char *const *v)
{
	cJSON *a = cJSON_AddArrayToObject(o, key);
	for (; v && *v; v++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*v));
}

static void add_namespaces(cJSON *linux_)
{
	cJSON *a = cJSON_AddArrayToObject(linux_, "namespaces");
	for (int k = 0; k < NS_COUNT; k++)
		cJSON_AddItemToArray(a, cJSON_CreateString(namespaces_type((enum ns_kind)k)));
}

static void add_enabled(cJSON *o, const char *key, bool on)
{
	cJSON_AddBoolToObject(cJSON_AddObjectToObject(o, key), "enabled", on);
}

static void add_seccomp(cJSON *linux_)
{
	static const char *const actions[] = {
		"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",       "SCMP_ACT_KILL",
		"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
		"SCMP_ACT_TRACE",        "SCMP_ACT_TRAP",        NULL};
	static const char *const operators[] = {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
						"SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
						"SCMP_CMP_NE", NULL};
	static const char *const flags[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					    "SECCOMP_FILTER_FLAG_SPEC_ALLOW", NULL};
	cJSON *s = cJSON_AddObjectToObject(linux_, "seccomp");
	cJSON_AddBoolToObject(s, "enabled", true);
	add_strings(s, "actions", actions);
	add_strings(s, "operators", operators);
	add_strings(s, "knownFlags", flags);
	add_strings(s, "supportedFlags", flags);
}

int verb_features(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	static const char *const hooks[] = {"prestart",
					    "createRuntime",
					    "createContainer",
					    "startContainer",
					    "poststart",
					    "poststop",
					    NULL};
	_cleanup_cjson_ cJSON *o = cJSON_CreateObject();
	json_add_str(o, "ociVersionMin", "1.0.0");
	json_add_str(o, "ociVersionMax", "1.3.0");
	add_strings(o, "hooks", hooks);
	add_strings(o, "mountOptions", mount_options_known());
	cJSON *l = cJSON_AddObjectToObject(o, "linux");
	add_namespaces(l);
	add_strings(l, "capabilities", crl_all_capabilities());
	cJSON *cgroup = cJSON_AddObjectToObject(l, "cgroup");
	cJSON_AddBoolToObject(cgroup, "v1", false);
	cJSON_AddBoolToObject(cgroup, "v2", crl_cgroup_root() != NULL);
	cJSON_AddBoolToObject(cgroup, "systemd", false);
	cJSON_AddBoolToObject(cgroup, "systemdUser", false);
	add_seccomp(l);
	add_enabled(l, "apparmor", true);
	add_enabled(l, "selinux", true);
	add_enabled(l, "intelRdt", false);
	add_enabled(cJSON_AddObjectToObject(l, "mountExtensions"), "idmap", false);
	add_enabled(l, "netDevices", false);
	print_json(o);
	return 0;
}
