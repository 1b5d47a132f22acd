/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version and info. */
#include <cli/commands.h>

#include <cli/listing.h>

#include "config.h"

static const struct opt_spec format_opts[] = {
	{'f', "format", OPT_STR, "string", "Format the output: json or a template"},
};

static cJSON *client_version(const struct client *c)
{
	cJSON *v = cJSON_CreateObject();
	json_add_str(v, "Version", CRL_VERSION);
	json_add_str(v, "ApiVersion", c->version);
	json_add_str(v, "DefaultAPIVersion", CLIENT_API_VERSION);
	json_add_str(v, "Os", "linux");
	json_add_str(v, "Arch",
#if defined(__x86_64__)
		     "amd64"
#elif defined(__aarch64__)
		     "arm64"
#else
		     "unknown"
#endif
	);
	return v;
}

static void line(const char *name, const char *value)
{
	if (value)
		printf(" %-18s%s\n", name, value);
}

static void print_client(const cJSON *v)
{
	puts("Client: crun-lite");
	line("Version:", json_get_str(v, "Version"));
	line("API version:", json_get_str(v, "ApiVersion"));
	printf(" %-18s%s/%s\n", "OS/Arch:", json_get_str(v, "Os"), json_get_str(v, "Arch"));
}

static void print_component(const cJSON *component)
{
	const cJSON *detail;
	printf(" %s:\n", json_get_str(component, "Name"));
	printf("  %-17s%s\n", "Version:", json_get_str(component, "Version"));
	cJSON_ArrayForEach (detail, cJSON_GetObjectItemCaseSensitive(component, "Details")) {
		char name[40];
		if (!cJSON_IsString(detail) || !*detail->valuestring)
			continue;
		snprintf(name, sizeof name, "%s:", detail->string);
		printf("  %-17s%s\n", name, detail->valuestring);
	}
}

static void print_server(const cJSON *v)
{
	const cJSON *components = cJSON_GetObjectItemCaseSensitive(v, "Components"), *c;
	const char *platform =
		json_get_str(cJSON_GetObjectItemCaseSensitive(v, "Platform"), "Name");
	printf("\nServer:%s%s\n", str_empty(platform) ? "" : " ", platform ? platform : "");
	cJSON_ArrayForEach (c, components) {
		if (json_get_str(c, "Name") && json_get_str(c, "Version"))
			print_component(c);
	}
	if (!cJSON_GetArraySize(components))
		line("Version:", json_get_str(v, "Version"));
}

static int version_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *all = cJSON_CreateObject();
	const char *format = opt_str(o, "format");
	cJSON *server = NULL;
	int answered = client_get(&cli->client, "/version", &server, err);
	cJSON *client = client_version(&cli->client);
	cJSON_AddItemToObject(all, "Client", client);
	cJSON_AddItemToObject(all, "Server", server ? server : cJSON_CreateNull());
	if (!str_empty(format)) {
		struct crl_err format_err = CRL_ERR_INIT;
		if (listing_print_value(format, all, &format_err) < 0) {
			*err = answered < 0 ? *err : format_err;
			return -1;
		}
		return answered;
	}
	print_client(client);
	if (answered < 0)
		return -1;
	print_server(server);
	return 0;
}

const struct command cmd_version = {
	.usage = "[OPTIONS]",
	.summary = "Show the versions of client and daemon",
	CLI_OPTS(format_opts),
	.run = version_main,
};

/* ---- info ---- */

enum info_kind { INFO_STR, INFO_INT, INFO_BOOL, INFO_BYTES };

/* Lines of `info` in order; a name with a leading blank is a sub-item. */
static const struct info_line {
	const char *name, *key;
	enum info_kind kind;
} info_lines[] = {
	{"Containers", "Containers", INFO_INT},
	{" Running", "ContainersRunning", INFO_INT},
	{" Paused", "ContainersPaused", INFO_INT},
	{" Stopped", "ContainersStopped", INFO_INT},
	{"Images", "Images", INFO_INT},
	{"Server Version", "ServerVersion", INFO_STR},
	{"Storage Driver", "Driver", INFO_STR},
	{"Logging Driver", "LoggingDriver", INFO_STR},
	{"Cgroup Driver", "CgroupDriver", INFO_STR},
	{"Cgroup Version", "CgroupVersion", INFO_STR},
	{"Default Runtime", "DefaultRuntime", INFO_STR},
	{"Kernel Version", "KernelVersion", INFO_STR},
	{"Operating System", "OperatingSystem", INFO_STR},
	{"OSType", "OSType", INFO_STR},
	{"Architecture", "Architecture", INFO_STR},
	{"CPUs", "NCPU", INFO_INT},
	{"Total Memory", "MemTotal", INFO_BYTES},
	{"Name", "Name", INFO_STR},
	{"ID", "ID", INFO_STR},
	{"Docker Root Dir", "DockerRootDir", INFO_STR},
	{"Debug Mode", "Debug", INFO_BOOL},
	{"Experimental", "ExperimentalBuild", INFO_BOOL},
	{"Live Restore Enabled", "LiveRestoreEnabled", INFO_BOOL},
};

static void print_info_line(const struct info_line *l, const cJSON *info)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(info, l->key);
	char size[32];
	if (!v || cJSON_IsNull(v))
		return;
	printf(" %s: ", l->name);
	switch (l->kind) {
	case INFO_INT: printf("%.0f\n", v->valuedouble); break;
	case INFO_BOOL: puts(cJSON_IsTrue(v) ? "true" : "false"); break;
	case INFO_BYTES: puts(str_size_binary(v->valuedouble, size)); break;
	case INFO_STR:
	default: puts(cJSON_IsString(v) ? v->valuestring : "");
	}
}

static void print_pairs(const cJSON *info, const char *key)
{
	const cJSON *pair;
	cJSON_ArrayForEach (pair, cJSON_GetObjectItemCaseSensitive(info, key)) {
		const cJSON *name = cJSON_GetArrayItem(pair, 0),
			    *value = cJSON_GetArrayItem(pair, 1);
		if (cJSON_IsString(name) && cJSON_IsString(value))
			printf("  %s: %s\n", name->valuestring, value->valuestring);
	}
}

static void print_names(const cJSON *info, const char *title, const char *key)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(info, key), *item;
	if (!cJSON_GetArraySize(list))
		return;
	printf(" %s:", title);
	cJSON_ArrayForEach (item, list)
		printf(" %s", item->string           ? item->string
			      : cJSON_IsString(item) ? item->valuestring
						     : "");
	putchar('\n');
}

static int info_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *info = NULL;
	const cJSON *w;
	if (client_get(&cli->client, "/info", &info, err) < 0)
		return -1;
	if (!str_empty(opt_str(o, "format")))
		return listing_print_value(opt_str(o, "format"), info, err);
	puts("Client: crun-lite");
	line("Version:", CRL_VERSION);
	puts("\nServer:");
	for (size_t i = 0; i < ARRAY_SIZE(info_lines); i++) {
		print_info_line(&info_lines[i], info);
		if (str_eq(info_lines[i].key, "Driver"))
			print_pairs(info, "DriverStatus");
		if (str_eq(info_lines[i].key, "CgroupVersion")) {
			print_names(info, "Runtimes", "Runtimes");
			print_names(info, "Security Options", "SecurityOptions");
		}
	}
	(void)fflush(stdout);
	cJSON_ArrayForEach (w, cJSON_GetObjectItemCaseSensitive(info, "Warnings")) {
		if (cJSON_IsString(w))
			fprintf(stderr, "%s\n", w->valuestring);
	}
	return 0;
}

const struct command cmd_info = {
	.usage = "[OPTIONS]",
	.summary = "Show what the daemon knows about itself and the host",
	CLI_OPTS(format_opts),
	.run = info_main,
};
