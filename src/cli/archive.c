/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images and file systems as files: load, save, import; pull and push beside them. */
#include <cli/commands.h>

#include <base/fd.h>
#include <cli/progress.h>
#include <cli/transfer.h>
#include <errno.h>
#include <fcntl.h>

/* ---- load ---- */

static const struct opt_spec load_opts[] = {
	{'i', "input", OPT_STR, "string", "Read this file instead of stdin"},
	{0, "platform", OPT_STR, "string", "Load this platform only (os/arch)"},
	{'q', "quiet", OPT_BOOL, NULL, "Do not show progress"},
};

static int open_input(const char *path, int *ret_fd, struct crl_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "open %s", path);
	*ret_fd = fd;
	return 0;
}

static int load_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_close_ int file = -1;
	_cleanup_buf_ struct buf path = BUF_INIT;
	const char *input = opt_str(o, "input"), *platform = opt_str(o, "platform");
	bool quiet = opt_bool(o, "quiet") || !isatty(STDOUT_FILENO);
	if (input && open_input(input, &file, err) < 0)
		return -1;
	if (!input && isatty(STDIN_FILENO))
		return crl_fail(err, CRL_INVALID, "requested load from stdin, but stdin is empty");
	buf_printf(&path, "/images/load?quiet=%d", quiet);
	if (platform) {
		buf_puts(&path, "&platform=");
		http_escape(&path, platform);
	}
	if (path.failed)
		return crl_fail_oom(err);
	_cleanup_progress_ struct progress p;
	progress_init(&p, stdout);
	return transfer_upload(cli, path.data, "application/x-tar", NULL,
			       input ? file : STDIN_FILENO, &p, err);
}

const struct command cmd_load = {
	.usage = "[OPTIONS]",
	.summary = "Load images from a tar archive",
	CLI_OPTS(load_opts),
	.complete = COMPLETE_FILES,
	.run = load_main,
};

/* ---- import ---- */

static const struct opt_spec import_opts[] = {
	{'c', "change", OPT_LIST, "list", "Apply a Dockerfile instruction to the image"},
	{'m', "message", OPT_STR, "string", "Message of the import"},
	{0, "platform", OPT_STR, "string", "Platform of the image (os/arch)"},
};

static void import_path(const struct opts *o, struct buf *b)
{
	const char *name = o->n_args > 1 ? o->args[1] : "";
	const char *slash = strrchr(name, '/'), *colon = strchr(slash ? slash : name, ':');
	_cleanup_free_ char *repo = strndup(name, colon ? (size_t)(colon - name) : strlen(name));
	const char *message = opt_str(o, "message"), *platform = opt_str(o, "platform");
	buf_puts(b, "/images/create?fromSrc=-&repo=");
	http_escape(b, repo ? repo : "");
	if (colon) {
		buf_puts(b, "&tag=");
		http_escape(b, colon + 1);
	}
	if (message) {
		buf_puts(b, "&message=");
		http_escape(b, message);
	}
	if (platform) {
		buf_puts(b, "&platform=");
		http_escape(b, platform);
	}
	for (char *const *c = opt_list(o, "change"); c && *c; c++) {
		buf_puts(b, "&changes=");
		http_escape(b, *c);
	}
}

static int import_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_close_ int file = -1;
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_progress_ struct progress p;
	bool from_stdin = str_eq(o->args[0], "-");
	if (!from_stdin && open_input(o->args[0], &file, err) < 0)
		return -1;
	import_path(o, &path);
	progress_init(&p, stdout);
	if (path.failed)
		return crl_fail_oom(err);
	return transfer_upload(cli, path.data, "application/x-tar", NULL,
			       from_stdin ? STDIN_FILENO : file, &p, err);
}

const struct command cmd_import = {
	.usage = "[OPTIONS] FILE|- [REPOSITORY[:TAG]]",
	.summary = "Make an image of a tar archive of a file system",
	CLI_OPTS(import_opts),
	.min_args = 1,
	.max_args = 2,
	.complete = COMPLETE_FILES,
	.run = import_main,
};

/* ---- save ---- */

static const struct opt_spec save_opts[] = {
	{'o', "output", OPT_STR, "string", "Write to this file instead of stdout"},
};

static int save_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	for (size_t i = 0; i < o->n_args; i++) {
		buf_puts(&path, i ? "&names=" : "/images/get?names=");
		http_escape(&path, o->args[i]);
	}
	if (path.failed)
		return crl_fail_oom(err);
	if (!opt_set(o, "output") && isatty(STDOUT_FILENO))
		return crl_fail(err, CRL_INVALID,
				"an archive is nothing for a terminal: use -o or redirect stdout");
	return transfer_download(cli, path.data, opt_str(o, "output"), err);
}

const struct command cmd_save = {
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Write images to a tar archive",
	CLI_OPTS(save_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_IMAGES,
	.run = save_main,
};

/* ---- pull, push ---- */

static const struct opt_spec pull_opts[] = {
	{0, "platform", OPT_STR, "string", "Platform of the image (os/arch)"},
	{'q', "quiet", OPT_BOOL, NULL, "Do not show progress"},
};

static int pull_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	if (!progress_has_tag(o->args[0]) && !opt_bool(o, "quiet"))
		puts("Using default tag: latest");
	if (progress_pull(cli, o->args[0], opt_str(o, "platform"), opt_bool(o, "quiet"), stdout,
			  err) < 0)
		return -1;
	printf("%s%s\n", o->args[0], progress_has_tag(o->args[0]) ? "" : ":latest");
	return 0;
}

const struct command cmd_pull = {
	.usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
	.summary = "Download an image from a registry",
	CLI_OPTS(pull_opts),
	.min_args = 1,
	.max_args = 1,
	.engine_exit = true,
	.run = pull_main,
};

static const struct opt_spec push_opts[] = {
	{'q', "quiet", OPT_BOOL, NULL, "Do not show progress"},
};

static int push_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	const char *name = o->args[0], *slash = strrchr(name, '/');
	const char *colon = strchr(slash ? slash : name, ':');
	_cleanup_free_ char *repo = strndup(name, colon ? (size_t)(colon - name) : strlen(name));
	_cleanup_free_ char *path = repo ? client_object_path("images", repo, "push?tag=") : NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	_cleanup_response_ struct http_response head = {0};
	_cleanup_progress_ struct progress p;
	progress_init(&p, opt_bool(o, "quiet") ? NULL : stdout);
	buf_puts(&b, path ? path : "");
	http_escape(&b, colon ? colon + 1 : "latest");
	if (!path || b.failed)
		return crl_fail_oom(err);
	/* "{}" in base64: no credentials. The daemon insists on the header. */
	struct http_request r = {
		.method = "POST", .path = b.data, .headers = "X-Registry-Auth: e30=\r\n"};
	if (client_open(&cli->client, &r, &conn, &head, err) < 0)
		return -1;
	return progress_read(&p, &conn, &head, err);
}

const struct command cmd_push = {
	.usage = "[OPTIONS] NAME[:TAG]",
	.summary = "Upload an image to a registry",
	CLI_OPTS(push_opts),
	.min_args = 1,
	.max_args = 1,
	.engine_exit = true,
	.complete = COMPLETE_IMAGES,
	.run = push_main,
};
