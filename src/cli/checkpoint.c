/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checkpoint: create, ls, rm. The start from one is `start --checkpoint`. */
#include <cli/commands.h>

#include <cli/create.h>
#include <cli/listing.h>

#define DIR_OPT                                                                                    \
	{                                                                                          \
		0, "checkpoint-dir", OPT_STR, "string",                                            \
			"Folder of the engine's host to keep it in"                                \
	}

/* "/containers/NAME/checkpoints[/ID][?dir=DIR]" */
static char *path_of(const struct opts *o, const char *id)
{
	_cleanup_free_ char *base = client_object_path("containers", o->args[0], "checkpoints");
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_puts(&b, base ? base : "");
	if (id) {
		buf_putc(&b, '/');
		http_escape(&b, id);
	}
	if (opt_str(o, "checkpoint-dir")) {
		buf_puts(&b, "?dir=");
		http_escape(&b, opt_str(o, "checkpoint-dir"));
	}
	return base ? buf_take(&b) : NULL;
}

/* ---- create ---- */

static const struct opt_spec create_opts[] = {
	DIR_OPT,
	{0, "leave-running", OPT_BOOL, NULL, "Let the container run on"},
};

static int create_main_checkpoint(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = cJSON_CreateObject();
	_cleanup_free_ char *path = client_object_path("containers", o->args[0], "checkpoints");
	if (!body || !path)
		return crl_fail_oom(err);
	create_set(body, "CheckpointID", o->args[1]);
	if (opt_str(o, "checkpoint-dir"))
		create_set(body, "CheckpointDir", opt_str(o, "checkpoint-dir"));
	cJSON_AddBoolToObject(body, "Exit", !opt_bool(o, "leave-running"));
	if (client_call(&cli->client, "POST", path, body, NULL, NULL, err) < 0)
		return -1;
	puts(o->args[1]);
	return 0;
}

const struct command cmd_checkpoint_create = {
	.usage = "[OPTIONS] CONTAINER CHECKPOINT",
	.summary = "Keep the processes of a running container in a checkpoint (with criu)",
	CLI_OPTS(create_opts),
	.min_args = 2,
	.max_args = 2,
	.complete = COMPLETE_CONTAINERS,
	.run = create_main_checkpoint,
};

/* ---- ls ---- */

static const struct opt_spec dir_opts[] = {DIR_OPT};
static const struct listing_column columns[] = {{"Name", "CHECKPOINT NAME"}};
static const struct listing listing = {
	.columns = columns, .n_columns = ARRAY_SIZE(columns), .table = "{{.Name}}"};

static int ls_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *reply = NULL;
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	_cleanup_free_ char *path = path_of(o, NULL);
	if (!path || !rows)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path, &reply, err) < 0)
		return -1;
	const cJSON *item;
	cJSON_ArrayForEach (item, reply) {
		cJSON *row = cJSON_CreateObject();
		json_add_str(row, "Name", json_get_str(item, "Name"));
		listing_add(rows, row, NULL);
	}
	return listing_print(&listing, NULL, false, rows, err);
}

const struct command cmd_checkpoint_ls = {
	.usage = "[OPTIONS] CONTAINER",
	.summary = "List the checkpoints of a container",
	CLI_OPTS(dir_opts),
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_CONTAINERS,
	.run = ls_main,
};

/* ---- rm ---- */

static int rm_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_free_ char *path = path_of(o, o->args[1]);
	if (!path)
		return crl_fail_oom(err);
	return client_call(&cli->client, "DELETE", path, NULL, NULL, NULL, err);
}

const struct command cmd_checkpoint_rm = {
	.usage = "[OPTIONS] CONTAINER CHECKPOINT",
	.summary = "Remove a checkpoint",
	CLI_OPTS(dir_opts),
	.min_args = 2,
	.max_args = 2,
	.complete = COMPLETE_CONTAINERS,
	.run = rm_main,
};
