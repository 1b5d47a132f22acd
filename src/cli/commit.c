/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container has changed: diff, export, commit. */
#include <cli/commands.h>

#include <cli/transfer.h>
#include <unistd.h>

/* ---- diff ---- */

static int diff_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	static const char kinds[] = "CAD"; /* by number: changed, added, deleted */
	_cleanup_free_ char *path = client_object_path("containers", o->args[0], "changes");
	_cleanup_cjson_ cJSON *list = NULL;
	const cJSON *c;
	if (!path)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path, &list, err) < 0)
		return -1;
	cJSON_ArrayForEach (c, list) {
		const char *name = json_get_str(c, "Path");
		int64_t kind = 0;
		(void)json_get_i64(c, "Kind", &kind);
		printf("%c %s\n", kind >= 0 && kind < 3 ? kinds[kind] : '?', name ? name : "");
	}
	return 0;
}

const struct command cmd_diff = {
	.usage = "CONTAINER",
	.summary = "List the files that a container has changed, added (A), deleted (D)",
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_CONTAINERS,
	.run = diff_main,
};

/* ---- export ---- */

static const struct opt_spec export_opts[] = {
	{'o', "output", OPT_STR, "string", "Write to this file instead of stdout"},
};

static int export_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_free_ char *path = client_object_path("containers", o->args[0], "export");
	if (!path)
		return crl_fail_oom(err);
	if (!opt_set(o, "output") && isatty(STDOUT_FILENO))
		return crl_fail(err, CRL_INVALID,
				"an archive is nothing for a terminal: use -o or redirect stdout");
	return transfer_download(cli, path, opt_str(o, "output"), err);
}

const struct command cmd_export = {
	.usage = "[OPTIONS] CONTAINER",
	.summary = "Write a container's file system to a tar archive",
	CLI_OPTS(export_opts),
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_CONTAINERS,
	.run = export_main,
};

/* ---- commit ---- */

static const struct opt_spec commit_opts[] = {
	{'a', "author", OPT_STR, "string", "Author (\"Jane Doe <jane@example.org>\")"},
	{'c', "change", OPT_LIST, "list", "Apply a Dockerfile instruction to the image"},
	{'m', "message", OPT_STR, "string", "Message of the commit"},
	{'p', "pause", OPT_BOOL, NULL, "Pause the container meanwhile", "true"},
};

static void add_query(struct buf *b, const char *key, const char *value)
{
	if (str_empty(value))
		return;
	buf_printf(b, "&%s=", key);
	http_escape(b, value);
}

static void commit_path(const struct opts *o, struct buf *b)
{
	const char *name = o->n_args > 1 ? o->args[1] : "";
	const char *slash = strrchr(name, '/'), *colon = strchr(slash ? slash : name, ':');
	_cleanup_free_ char *repo = strndup(name, colon ? (size_t)(colon - name) : strlen(name));
	buf_puts(b, "/commit?container=");
	http_escape(b, o->args[0]);
	add_query(b, "repo", repo);
	add_query(b, "tag", colon ? colon + 1 : NULL);
	add_query(b, "author", opt_str(o, "author"));
	add_query(b, "comment", opt_str(o, "message"));
	buf_printf(b, "&pause=%d", opt_bool(o, "pause"));
	for (char *const *c = opt_list(o, "change"); c && *c; c++)
		add_query(b, "changes", *c);
}

static int commit_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_cjson_ cJSON *answer = NULL;
	commit_path(o, &path);
	if (path.failed)
		return crl_fail_oom(err);
	if (client_json(&cli->client, "POST", path.data, NULL, &answer, err) < 0)
		return -1;
	const char *id = json_get_str(answer, "Id");
	puts(id ? id : "");
	return 0;
}

const struct command cmd_commit = {
	.usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
	.summary = "Make an image of what a container has changed",
	CLI_OPTS(commit_opts),
	.min_args = 1,
	.max_args = 2,
	.complete = COMPLETE_CONTAINERS,
	.run = commit_main,
};
