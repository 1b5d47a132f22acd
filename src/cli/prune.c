/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prune, for every kind of object, and for all at once. */
#include <cli/commands.h>

#include <cli/format.h>

static const struct opt_spec prune_opts[] = {
	{0, "filter", OPT_LIST, "filter", "Remove only what matches (until=24h, label=...)"},
	{'f', "force", OPT_BOOL, NULL, "Do not ask"},
};

static const struct opt_spec prune_all_opts[] = {
	{'a', "all", OPT_BOOL, NULL, "Remove all that is not used, not only what has no name"},
	{0, "filter", OPT_LIST, "filter", "Remove only what matches (until=24h, label=...)"},
	{'f', "force", OPT_BOOL, NULL, "Do not ask"},
};

static const struct opt_spec system_opts[] = {
	{'a', "all", OPT_BOOL, NULL,
	 "Remove all images without a container, not only untagged ones"},
	{0, "filter", OPT_LIST, "filter", "Remove only what matches (until=24h, label=...)"},
	{'f', "force", OPT_BOOL, NULL, "Do not ask"},
	{0, "volumes", OPT_BOOL, NULL, "Remove anonymous volumes, too"},
};

struct prune {
	const char *path, *title, *list; /* list of the answer */
	const char *all_filter;          /* what --all adds, or NULL */
	const char *not_all_filter;      /* what its absence adds */
};

static const struct prune containers = {"/containers/prune", "Deleted Containers",
					"ContainersDeleted"};
static const struct prune networks = {"/networks/prune", "Deleted Networks", "NetworksDeleted"};
static const struct prune volumes = {"/volumes/prune", "Deleted Volumes", "VolumesDeleted",
				     .all_filter = "all=true"};
static const struct prune images = {"/images/prune", "Deleted Images", "ImagesDeleted",
				    .all_filter = "dangling=false",
				    .not_all_filter = "dangling=true"};
static const struct prune builds = {"/build/prune", "Deleted build cache objects", "CachesDeleted"};

static void print_deleted(const struct prune *p, const cJSON *reply)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(reply, p->list), *item;
	if (!cJSON_GetArraySize(list))
		return;
	printf("%s:\n", p->title);
	cJSON_ArrayForEach (item, list) {
		const char *untagged = json_get_str(item, "Untagged");
		const char *deleted = json_get_str(item, "Deleted");
		if (cJSON_IsString(item))
			puts(item->valuestring);
		if (untagged)
			printf("untagged: %s\n", untagged);
		if (deleted)
			printf("deleted: %s\n", deleted);
	}
	putchar('\n');
}

static int prune_one(struct cli *cli, const struct opts *o, const struct prune *p, bool all,
		     double *total, struct crl_err *err)
{
	_cleanup_strv_ char **filters = strv_copy(opt_list(o, "filter"));
	_cleanup_free_ char *escaped = NULL;
	_cleanup_cjson_ cJSON *reply = NULL;
	const char *extra = all ? p->all_filter : p->not_all_filter;
	if (extra && strv_push(&filters, extra) < 0)
		return crl_fail_oom(err);
	if (cli_filters(filters, &escaped, err) < 0)
		return -1;
	_cleanup_free_ char *path =
		client_path("%s%s%s", p->path, escaped ? "?filters=" : "", escaped ? escaped : "");
	if (!path)
		return crl_fail_oom(err);
	if (client_json(&cli->client, "POST", path, NULL, &reply, err) < 0)
		return -1;
	const cJSON *space = cJSON_GetObjectItemCaseSensitive(reply, "SpaceReclaimed");
	if (cJSON_IsNumber(space))
		*total += space->valuedouble;
	print_deleted(p, reply);
	return 0;
}

static int report(double total)
{
	char text[32];
	printf("Total reclaimed space: %s\n", format_size4(total, text));
	return 0;
}

static int prune_kind(struct cli *cli, const struct opts *o, const struct prune *p, bool all,
		      const char *question, struct crl_err *err)
{
	double total = 0;
	if (!opt_bool(o, "force") && !cli_confirm(question))
		return 0;
	if (prune_one(cli, o, p, all, &total, err) < 0)
		return -1;
	return p == &networks ? 0 : report(total);
}

static int container_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return prune_kind(cli, o, &containers, false,
			  "WARNING! This will remove all stopped containers.", err);
}

static int network_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return prune_kind(
		cli, o, &networks, false,
		"WARNING! This will remove all custom networks not used by at least one container.",
		err);
}

static int volume_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return prune_kind(
		cli, o, &volumes, opt_bool(o, "all"),
		"WARNING! This will remove local volumes not used by at least one container.", err);
}

static int image_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	bool all = opt_bool(o, "all");
	return prune_kind(cli, o, &images, all,
			  all ? "WARNING! This will remove all images without at least one "
				"container associated to them."
			      : "WARNING! This will remove all dangling images.",
			  err);
}

static int builder_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return prune_kind(cli, o, &builds, false, "WARNING! This will remove all build cache.",
			  err);
}

static int system_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	static const struct prune *const order[] = {&containers, &networks, &volumes, &images,
						    &builds};
	double total = 0;
	if (!opt_bool(o, "force") &&
	    !cli_confirm("WARNING! This will remove all stopped containers, unused networks, "
			 "unused images and build cache."))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (order[i] == &volumes && !opt_bool(o, "volumes"))
			continue;
		bool all = order[i] == &images && opt_bool(o, "all");
		if (prune_one(cli, o, order[i], all, &total, err) < 0)
			return -1;
	}
	return report(total);
}

#define PRUNE_COMMAND(name_, summary_, table_, main_)                                              \
	const struct command name_ = {                                                             \
		.usage = "[OPTIONS]", .summary = summary_, CLI_OPTS(table_), .run = main_}

PRUNE_COMMAND(cmd_container_prune, "Remove all stopped containers", prune_opts, container_main);
PRUNE_COMMAND(cmd_network_prune, "Remove all unused networks", prune_opts, network_main);
PRUNE_COMMAND(cmd_volume_prune, "Remove unused volumes", prune_all_opts, volume_main);
PRUNE_COMMAND(cmd_image_prune, "Remove unused images", prune_all_opts, image_main);
PRUNE_COMMAND(cmd_builder_prune, "Remove the build cache", prune_opts, builder_main);
PRUNE_COMMAND(cmd_system_prune, "Remove all that is not used", system_opts, system_main);
