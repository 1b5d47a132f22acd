/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inspect, for every kind of object. */
#include <cli/commands.h>

#include <cli/listing.h>

/* Where a name is looked for, in this order, when no type is given. */
static const struct kind {
	const char *name; /* --type */
	const char *collection, *action;
} kinds[] = {
	{"container", "containers", "json"},
	{"image", "images", "json"},
	{"network", "networks", NULL},
	{"volume", "volumes", NULL},
};

static int fetch(struct cli *cli, const struct kind *k, const char *name, bool size, char **ret,
		 struct crl_err *err)
{
	_cleanup_free_ char *path = client_object_path(k->collection, name, k->action);
	bool with_size = size && str_eq(k->name, "container");
	_cleanup_free_ char *full =
		path ? client_path("%s%s", path, with_size ? "?size=1" : "") : NULL;
	return full ? client_call(&cli->client, "GET", full, NULL, NULL, ret, err)
		    : crl_fail_oom(err);
}

static int fetch_any(struct cli *cli, const char *type, const char *name, bool size, char **ret,
		     struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!str_empty(type) && !str_eq(type, kinds[i].name))
			continue;
		if (fetch(cli, &kinds[i], name, size, ret, err) == 0)
			return 0;
		/* A name that one kind does not allow (400) may belong to another. */
		if (!str_empty(type) || (err->code != CRL_NOT_FOUND && err->code != CRL_INVALID))
			return -1;
	}
	return crl_fail(err, CRL_NOT_FOUND, "Error: No such object: %s", name);
}

static int check_type(const char *type, struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_empty(type) || str_eq(type, kinds[i].name))
			return 0;
	return crl_fail(err, CRL_INVALID, "\"%s\" is not a valid value for --type", type);
}

static int show_formatted(const char *format, const char *text, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	if (json_parse(text, strlen(text), CLIENT_MAX_REPLY, &tree, err) < 0)
		return -1;
	return listing_print_value(format, tree, err);
}

/* All objects as one list, which is printed even when some were not found. */
static int inspect_all(struct cli *cli, const struct opts *o, const char *type, bool size,
		       struct crl_err *err)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	const char *format = opt_str(o, "format");
	bool as_list = str_empty(format);
	size_t n = 0;
	int code = 0;
	buf_puts(&list, "[");
	for (size_t i = 0; i < o->n_args; i++) {
		_cleanup_free_ char *text = NULL;
		struct crl_err one = CRL_ERR_INIT;
		if (fetch_any(cli, type, o->args[i], size, &text, &one) < 0 ||
		    (!as_list && show_formatted(format, text, &one) < 0)) {
			if (!as_list)
				puts(""); /* so that the lines still match the arguments */
			cli_print_error(&one);
			code = 1;
			continue;
		}
		buf_puts(&list, n++ ? ",\n    " : "\n    ");
		listing_indent_json(text, 1, &list);
	}
	buf_puts(&list, n ? "\n]\n" : "]\n");
	if (as_list)
		fputs(list.data ? list.data : "", stdout);
	return code;
}

static const struct opt_spec inspect_opts[] = {
	{'f', "format", OPT_STR, "string", "Format the output: json or a template"},
	{'s', "size", OPT_BOOL, NULL, "Show the sizes of containers"},
	{0, "type", OPT_STR, "string",
	 "Look for this kind only: container, image, network, volume"},
};

static const struct opt_spec plain_opts[] = {
	{'f', "format", OPT_STR, "string", "Format the output: json or a template"},
};

static int inspect_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	if (check_type(opt_str(o, "type"), err) < 0)
		return -1;
	return inspect_all(cli, o, opt_str(o, "type"), opt_bool(o, "size"), err);
}

static int container_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return inspect_all(cli, o, "container", opt_bool(o, "size"), err);
}

static int image_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return inspect_all(cli, o, "image", false, err);
}

static int network_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return inspect_all(cli, o, "network", false, err);
}

static int volume_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return inspect_all(cli, o, "volume", false, err);
}

const struct command cmd_inspect = {
	.usage = "[OPTIONS] NAME|ID [NAME|ID...]",
	.summary = "Show everything about objects, as JSON",
	CLI_OPTS(inspect_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_CONTAINERS,
	.run = inspect_main,
};

static const struct opt_spec container_opts[] = {
	{'f', "format", OPT_STR, "string", "Format the output: json or a template"},
	{'s', "size", OPT_BOOL, NULL, "Show sizes"},
};

const struct command cmd_container_inspect = {
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Show everything about containers, as JSON",
	CLI_OPTS(container_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_CONTAINERS,
	.run = container_main,
};

const struct command cmd_image_inspect = {
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Show everything about images, as JSON",
	CLI_OPTS(plain_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_IMAGES,
	.run = image_main,
};

const struct command cmd_network_inspect = {
	.usage = "[OPTIONS] NETWORK [NETWORK...]",
	.summary = "Show everything about networks, as JSON",
	CLI_OPTS(plain_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_NETWORKS,
	.run = network_main,
};

const struct command cmd_volume_inspect = {
	.usage = "[OPTIONS] VOLUME [VOLUME...]",
	.summary = "Show everything about volumes, as JSON",
	CLI_OPTS(plain_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_VOLUMES,
	.run = volume_main,
};
