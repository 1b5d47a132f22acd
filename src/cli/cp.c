/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cp: files between a container and this machine, as tar streams. See docker-cp(1). */
#include <cli/commands.h>

#include <base/base64.h>
#include <base/path.h>
#include <cli/cp_local.h>
#include <cli/format.h>
#include <cli/tar.h>
#include <cli/transfer.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define GO_DIR (1U << 31) /* bits of Go's os.FileMode */
#define GO_LINK (1U << 27)

static const struct opt_spec cp_opts[] = {
	{'a', "archive", OPT_BOOL, NULL, "Give what is copied in to the container's user"},
	{'L', "follow-link", OPT_BOOL, NULL, "Copy what the link SRC_PATH points to"},
	{'q', "quiet", OPT_BOOL, NULL, "Do not tell how much was copied"},
};

struct copy {
	struct cli *cli;
	const char *container, *from, *to; /* `container` is that of one of both */
	bool archive, follow, quiet;
	int64_t bytes;
};

/* --- what the daemon says about a path --- */

struct remote {
	struct cp_kind kind;
	bool is_link;
	char *target; /* of a link, absolute */
};

static void remote_free(struct remote *r)
{
	free(r->target);
}

static int read_stat(const struct http_response *r, struct remote *ret, struct crl_err *err)
{
	const char *coded = r->path_stat ? r->path_stat : "";
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_cjson_ cJSON *o = NULL;
	int64_t mode = 0;
	size_t len;
	if (base64_bytes(coded, strlen(coded), &text, &len, err) < 0 ||
	    json_parse((char *)text, len, 65536, &o, err) < 0 || !json_get_i64(o, "mode", &mode))
		return crl_fail(err, CRL_IO, "the daemon's answer does not describe the file");
	const char *target = json_get_str(o, "linkTarget");
	ret->kind = (struct cp_kind){true, (uint32_t)mode & GO_DIR};
	ret->is_link = (uint32_t)mode & GO_LINK;
	ret->target = strdup(target ? target : "");
	return ret->target ? 0 : crl_fail_oom(err);
}

static int archive_path(const struct copy *c, const char *path, const char *more, struct buf *ret,
			struct crl_err *err)
{
	_cleanup_free_ char *base = client_object_path("containers", c->container, "archive");
	buf_printf(ret, "%s?%spath=", base ? base : "", more);
	http_escape(ret, path);
	return ret->failed || !base ? crl_fail_oom(err) : 0;
}

/* Not there is no error: then `exists` is false. */
static int stat_remote(struct copy *c, const char *path, struct remote *ret, struct crl_err *err)
{
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	_cleanup_response_ struct http_response head = {0};
	_cleanup_buf_ struct buf url = BUF_INIT;
	if (archive_path(c, path, "", &url, err) < 0)
		return -1;
	struct http_request r = {.method = "HEAD", .path = url.data};
	*ret = (struct remote){0};
	if (client_open(&c->cli->client, &r, &conn, &head, err) == 0)
		return read_stat(&head, ret, err);
	return err->code == CRL_NOT_FOUND || err->code == CRL_INVALID ? 0 : -1;
}

/* --- from the container --- */

static int to_stdout(struct copy *c, const char *url, struct crl_err *err)
{
	if (isatty(STDOUT_FILENO))
		return crl_fail(err, CRL_INVALID,
				"an archive is nothing for a terminal: redirect stdout");
	return transfer_download(c->cli, url, NULL, err);
}

static char *absolute(const char *path)
{
	_cleanup_free_ char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	return cwd ? path_printf("%s/%s", cwd, path) : strdup(path);
}

/* The content of a directory goes into one that is made for it. */
static int make_destination(const struct copy *c, struct cp_kind *destination, struct crl_err *err)
{
	if (mkdir(c->to, 0755) < 0)
		return crl_fail_sys(err, errno, "%s", c->to);
	*destination = (struct cp_kind){true, true};
	return 0;
}

static int unpack(struct copy *c, struct http_conn *conn, struct http_response *head,
		  const struct cp_kind *source, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *into = NULL, *as = NULL, *to = absolute(c->to);
	struct stat st;
	struct cp_kind destination = {.exists = stat(c->to, &st) == 0};
	bool content = cp_means_content(c->from) || str_eq(name, "/");
	if (!to)
		return crl_fail_oom(err);
	destination.is_dir = destination.exists && S_ISDIR(st.st_mode);
	if (!destination.exists && content && source->is_dir &&
	    make_destination(c, &destination, err) < 0)
		return -1;
	if (cp_decide(source, to, &destination, &into, &as, err) < 0)
		return -1;
	if (!as && !content && !(as = strdup(name)))
		return crl_fail_oom(err);
	return cp_unpack(conn, head, into, as, &c->bytes, err);
}

static int copy_out(struct copy *c, struct crl_err *err)
{
	_cleanup_(remote_free) struct remote source = {0};
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	_cleanup_response_ struct http_response head = {0};
	_cleanup_buf_ struct buf url = BUF_INIT;
	_cleanup_free_ char *name = cp_base_name(c->from);
	if (!name)
		return crl_fail_oom(err);
	if (c->follow && stat_remote(c, c->from, &source, err) < 0)
		return -1;
	if (archive_path(c, source.is_link ? source.target : c->from, "", &url, err) < 0)
		return -1;
	if (str_eq(c->to, "-"))
		return to_stdout(c, url.data, err);
	struct http_request r = {.method = "GET", .path = url.data};
	if (client_open(&c->cli->client, &r, &conn, &head, err) < 0)
		return -1;
	remote_free(&source);
	source = (struct remote){0};
	if (read_stat(&head, &source, err) < 0)
		return -1;
	return unpack(c, &conn, &head, &source.kind, name, err);
}

/* --- into the container --- */

static ssize_t read_tar(void *ctx, void *to, size_t size, struct crl_err *err)
{
	return tar_read(ctx, to, size, err);
}

static ssize_t read_stdin(void *ctx, void *to, size_t size, struct crl_err *err)
{
	ssize_t n;
	do
		n = read(STDIN_FILENO, to, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? crl_fail_sys(err, errno, "read stdin") : n;
}

struct counted {
	transfer_source source;
	void *ctx;
	int64_t *bytes;
};

static ssize_t read_counted(void *ctx, void *to, size_t size, struct crl_err *err)
{
	struct counted *k = ctx;
	ssize_t n = k->source(k->ctx, to, size, err);
	*k->bytes += n > 0 ? n : 0;
	return n;
}

static int put(struct copy *c, const char *into, transfer_source source, void *ctx,
	       struct crl_err *err)
{
	_cleanup_buf_ struct buf url = BUF_INIT;
	_cleanup_progress_ struct progress p;
	struct counted counted = {source, ctx, &c->bytes};
	const char *more = c->archive ? "noOverwriteDirNonDir=true&copyUIDGID=true&"
				      : "noOverwriteDirNonDir=true&";
	progress_init(&p, NULL);
	if (archive_path(c, into, more, &url, err) < 0)
		return -1;
	struct http_request r = {.method = "PUT",
				 .path = url.data,
				 .content_type = "application/x-tar",
				 .chunked = true};
	return transfer_send(c->cli, &r, read_counted, &counted, &p, err);
}

/* Where a link at the destination leads is the destination. */
static int find_destination(struct copy *c, char **ret_path, struct cp_kind *ret,
			    struct crl_err *err)
{
	_cleanup_(remote_free) struct remote r = {0}, behind = {0};
	if (stat_remote(c, c->to, &r, err) < 0)
		return -1;
	if (r.is_link && stat_remote(c, r.target, &behind, err) < 0)
		return -1;
	*ret = r.is_link ? behind.kind : r.kind;
	*ret_path = r.is_link       ? strdup(r.target)
		    : *c->to == '/' ? strdup(c->to)
				    : path_printf("/%s", c->to);
	return *ret_path ? 0 : crl_fail_oom(err);
}

static int send_source(struct copy *c, const struct cp_source *s, const char *into, const char *as,
		       struct crl_err *err)
{
	const struct tar_options o = {.keep_owner = true};
	struct tar *t;
	if (s->content && !as) {
		int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		t = fd < 0 ? NULL : tar_new(fd, &o);
		cleanup_close_p(&fd);
	} else {
		t = tar_new_single(s->dir_fd, s->base, as ? as : s->name, &o);
	}
	if (!t)
		return crl_fail(err, CRL_IO, "%s: cannot be read", c->from);
	int r = put(c, into, read_tar, t, err);
	tar_free(t);
	return r;
}

static int copy_in(struct copy *c, struct crl_err *err)
{
	_cleanup_(cp_source_free) struct cp_source source = {.dir_fd = -1};
	_cleanup_free_ char *path = NULL, *into = NULL, *as = NULL;
	bool from_stdin = str_eq(c->from, "-");
	struct cp_kind destination;
	if (!from_stdin && cp_source_open(c->from, c->follow, &source, err) < 0)
		return -1;
	if (find_destination(c, &path, &destination, err) < 0)
		return -1;
	if (from_stdin && destination.exists && !destination.is_dir)
		return crl_fail(err, CRL_INVALID, "destination \"%s:%s\" must be a directory",
				c->container, c->to);
	if (from_stdin)
		return put(c, path, read_stdin, NULL, err);
	const struct cp_kind kind = {true, source.is_dir};
	if (cp_decide(&kind, path, &destination, &into, &as, err) < 0)
		return -1;
	return send_source(c, &source, into, as, err);
}

/* --- the command --- */

/* "CONTAINER:PATH"; what begins with "/" or "." is a local path, whatever follows. */
static char *split(char *arg, char **ret_path)
{
	char *colon = arg[0] == '/' || arg[0] == '.' ? NULL : strchr(arg, ':');
	*ret_path = colon ? colon + 1 : arg;
	if (!colon)
		return NULL;
	*colon = '\0';
	return arg;
}

static int check(const char *from_container, const char *from, const char *to_container,
		 const char *to, struct crl_err *err)
{
	if (from_container && to_container)
		return crl_fail(err, CRL_INVALID, "copying between containers is not supported");
	if (!from_container && !to_container)
		return crl_fail(err, CRL_INVALID, "must specify at least one container source");
	if (!*from)
		return crl_fail(err, CRL_INVALID, "source can not be empty");
	if (!*to)
		return crl_fail(err, CRL_INVALID, "destination can not be empty");
	return 0;
}

static void tell(const struct copy *c, const char *from_container)
{
	char size[32];
	if (c->quiet || str_eq(c->to, "-") || !isatty(STDERR_FILENO))
		return;
	(void)format_size4((double)c->bytes, size);
	fprintf(stderr, "Successfully copied %s to %s%s%s\n", size,
		from_container ? "" : c->container, from_container ? "" : ":", c->to);
}

static int cp_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	char *from, *to;
	const char *from_container = split(o->args[0], &from),
		   *to_container = split(o->args[1], &to);
	if (check(from_container, from, to_container, to, err) < 0)
		return -1;
	struct copy c = {.cli = cli,
			 .container = from_container ? from_container : to_container,
			 .from = from,
			 .to = to,
			 .archive = opt_bool(o, "archive"),
			 .follow = opt_bool(o, "follow-link"),
			 .quiet = opt_bool(o, "quiet")};
	int r = from_container ? copy_out(&c, err) : copy_in(&c, err);
	if (r == 0)
		tell(&c, from_container);
	return r;
}

const struct command cmd_cp = {
	.usage = "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
	.summary = "Copy files between a container and this machine",
	CLI_OPTS(cp_opts),
	.min_args = 2,
	.max_args = 2,
	.complete = COMPLETE_CONTAINERS,
	.run = cp_main,
};
