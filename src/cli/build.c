/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build: packs the context, sends it, shows what the daemon does with it. */
#include <cli/commands.h>

#include <base/fd.h>
#include <base/path.h>
#include <cli/tar.h>
#include <cli/transfer.h>
#include <dockerignore.h>
#include <errno.h>
#include <fcntl.h>

static const struct opt_spec build_opts[] = {
	{0, "add-host", OPT_LIST, "list", "Add a line to /etc/hosts (host:ip)"},
	{0, "build-arg", OPT_LIST, "list", "Set build-time variables"},
	{0, "cache-from", OPT_LIST, "strings", "Images to take cached steps from"},
	{0, "cgroup-parent", OPT_STR, "string", "Parent cgroup of RUN steps"},
	{0, "cpu-period", OPT_INT, "int", "Length of a CPU quota period in microseconds"},
	{0, "cpu-quota", OPT_INT, "int", "CPU time per period in microseconds"},
	{'c', "cpu-shares", OPT_INT, "int", "Relative CPU weight of RUN steps"},
	{0, "cpuset-cpus", OPT_STR, "string", "CPUs of RUN steps (0-3, 0,1)"},
	{0, "cpuset-mems", OPT_STR, "string", "Memory nodes of RUN steps (0-3, 0,1)"},
	{'f', "file", OPT_STR, "string", "Dockerfile (else PATH/Dockerfile); - reads stdin"},
	{0, "force-rm", OPT_BOOL, NULL, "Remove intermediate containers even after a failure"},
	{0, "iidfile", OPT_STR, "string", "Write the image's ID to this file"},
	{0, "label", OPT_LIST, "list", "Set labels of the image"},
	{'m', "memory", OPT_STR, "bytes", "Memory limit of RUN steps"},
	{0, "memory-swap", OPT_STR, "bytes", "Limit of memory and swap together"},
	{0, "network", OPT_STR, "string", "Network of RUN steps", "default"},
	{0, "no-cache", OPT_BOOL, NULL, "Do every step anew"},
	{0, "platform", OPT_STR, "string", "Platform of the image (os/arch)"},
	{0, "progress", OPT_STR, "string", "Kind of output: auto or plain", "auto"},
	{0, "pull", OPT_BOOL, NULL, "Pull newer versions of base images"},
	{'q', "quiet", OPT_BOOL, NULL, "Print the image's ID only"},
	{0, "rm", OPT_BOOL, NULL, "Remove intermediate containers", "true"},
	{0, "security-opt", OPT_LIST, "strings", "Security options of RUN steps"},
	{0, "shm-size", OPT_STR, "bytes", "Size of /dev/shm in RUN steps"},
	{0, "squash", OPT_BOOL, NULL, "Make one layer of all new ones"},
	{'t', "tag", OPT_LIST, "list", "Name of the image (name:tag)"},
	{0, "target", OPT_STR, "string", "Stage to build"},
	{0, "ulimit", OPT_LIST, "ulimit", "Resource limits of RUN steps"},
};

/* As much as tells an archive from a text. */
#define PEEK 1024
#define MAX_DOCKERFILE (16U * 1024 * 1024)
/* A Dockerfile from outside the context travels under a name nobody uses. */
#define OUTSIDE_NAME ".dockerfile.crun-lite"

/* ---- the query ---- */

static void parameter(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "%c%s=", strchr(b->data, '?') ? '&' : '?', key);
	http_escape(b, value);
}

/* KEY=VALUE lists as a JSON object; a build argument without value comes from our environment. */
static void pairs_parameter(struct buf *b, const char *key, char *const *list, bool from_env)
{
	_cleanup_cjson_ cJSON *map = cJSON_CreateObject();
	if (!list)
		return;
	for (; *list; list++) {
		const char *eq = strchr(*list, '=');
		_cleanup_free_ char *name =
			strndup(*list, eq ? (size_t)(eq - *list) : strlen(*list));
		const char *value = eq ? eq + 1 : from_env && name ? getenv(name) : "";
		cJSON_DeleteItemFromObjectCaseSensitive(map, name);
		if (value)
			cJSON_AddStringToObject(map, name, value);
		else
			cJSON_AddNullToObject(map, name);
	}
	_cleanup_free_ char *text = cJSON_PrintUnformatted(map);
	parameter(b, key, text);
}

static void list_parameter(struct buf *b, const char *key, char *const *list)
{
	_cleanup_cjson_ cJSON *array = cJSON_CreateArray();
	if (!list)
		return;
	for (; *list; list++)
		cJSON_AddItemToArray(array, cJSON_CreateString(*list));
	_cleanup_free_ char *text = cJSON_PrintUnformatted(array);
	parameter(b, key, text);
}

static int size_parameter(struct buf *b, const char *key, const char *text, struct crl_err *err)
{
	int64_t bytes = -1;
	char number[24];
	if (!text)
		return 0;
	if (!str_eq(text, "-1") && str_parse_size(text, &bytes, err) < 0)
		return -1;
	snprintf(number, sizeof number, "%lld", (long long)bytes);
	parameter(b, key, number);
	return 0;
}

static void ulimit_parameter(struct buf *b, char *const *list)
{
	_cleanup_cjson_ cJSON *array = cJSON_CreateArray();
	if (!list)
		return;
	for (; *list; list++) {
		char name[64];
		long long soft, hard;
		int n = sscanf(*list, "%63[^=]=%lld:%lld", name, &soft, &hard);
		if (n < 2)
			continue;
		cJSON *item = cJSON_CreateObject();
		json_add_str(item, "Name", name);
		json_add_i64(item, "Soft", soft);
		json_add_i64(item, "Hard", n > 2 ? hard : soft);
		cJSON_AddItemToArray(array, item);
	}
	_cleanup_free_ char *text = cJSON_PrintUnformatted(array);
	parameter(b, "ulimits", text);
}

/* Options that go into the query as they are. */
static const char *const plain_parameters[][2] = {
	{"cgroup-parent", "cgroupparent"}, {"cpu-period", "cpuperiod"},
	{"cpu-quota", "cpuquota"},         {"cpu-shares", "cpushares"},
	{"cpuset-cpus", "cpusetcpus"},     {"cpuset-mems", "cpusetmems"},
	{"platform", "platform"},          {"target", "target"},
};

static int build_path(const struct opts *o, const char *dockerfile, struct buf *b,
		      struct crl_err *err)
{
	buf_puts(b, "/build?version=1");
	parameter(b, "dockerfile", dockerfile);
	for (char *const *t = opt_list(o, "tag"); t && *t; t++)
		parameter(b, "t", *t);
	for (size_t i = 0; i < ARRAY_SIZE(plain_parameters); i++)
		parameter(b, plain_parameters[i][1], opt_str(o, plain_parameters[i][0]));
	pairs_parameter(b, "buildargs", opt_list(o, "build-arg"), true);
	pairs_parameter(b, "labels", opt_list(o, "label"), false);
	list_parameter(b, "cachefrom", opt_list(o, "cache-from"));
	list_parameter(b, "securityopt", opt_list(o, "security-opt"));
	ulimit_parameter(b, opt_list(o, "ulimit"));
	for (char *const *h = opt_list(o, "add-host"); h && *h; h++)
		parameter(b, "extrahosts", *h);
	parameter(b, "networkmode", opt_str(o, "network"));
	parameter(b, "rm", opt_bool(o, "rm") ? "1" : "0");
	parameter(b, "forcerm", opt_bool(o, "force-rm") ? "1" : NULL);
	parameter(b, "nocache", opt_bool(o, "no-cache") ? "1" : NULL);
	parameter(b, "pull", opt_bool(o, "pull") ? "1" : NULL);
	parameter(b, "squash", opt_bool(o, "squash") ? "1" : NULL);
	parameter(b, "q", opt_bool(o, "quiet") ? "1" : NULL);
	if (size_parameter(b, "memory", opt_str(o, "memory"), err) < 0 ||
	    size_parameter(b, "memswap", opt_str(o, "memory-swap"), err) < 0 ||
	    size_parameter(b, "shmsize", opt_str(o, "shm-size"), err) < 0)
		return -1;
	return b->failed ? crl_fail_oom(err) : 0;
}

/* ---- the context ---- */

struct context {
	struct dockerignore *ignore; /* NULL = no list */
	char *dockerfile;            /* name inside the archive */
	struct tar *tar;
	char *first; /* "-": what was read to look at it */
	size_t first_len, first_at;
};

static void context_free(struct context *c)
{
	dockerignore_free(c->ignore);
	tar_free(c->tar);
	free(c->dockerfile);
	free(c->first);
}

/* The daemon needs the Dockerfile and the list whatever the list says; it drops them itself. */
static bool wanted(void *ctx, const char *path, bool is_dir, bool *ret_descend)
{
	const struct context *c = ctx;
	size_t n = strlen(path);
	if (str_eq(path, c->dockerfile) || str_eq(path, ".dockerignore"))
		return true;
	if (!dockerignore_excluded(c->ignore, path))
		return true;
	bool above = strncmp(c->dockerfile, path, n) == 0 && c->dockerfile[n] == '/';
	*ret_descend = is_dir && (above || dockerignore_may_include_below(c->ignore, path));
	return false;
}

static int read_stdin(char **ret, size_t *ret_len, struct crl_err *err)
{
	if (fd_read_all(STDIN_FILENO, MAX_DOCKERFILE, ret, ret_len, err) < 0)
		return crl_context(err, "read the Dockerfile from stdin");
	return 0;
}

/* NAME.dockerignore beside the Dockerfile goes before .dockerignore. */
static int load_ignore(struct context *c, int dir, struct crl_err *err)
{
	_cleanup_free_ char *special = client_path("%s.dockerignore", c->dockerfile);
	_cleanup_free_ char *text = NULL;
	size_t len;
	struct crl_err e = CRL_ERR_INIT;
	if (!special)
		return crl_fail_oom(err);
	const char *const names[] = {special, ".dockerignore"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (path_read_file(dir, names[i], MAX_DOCKERFILE, &text, &len, &e) == 0)
			return dockerignore_parse(names[i], text, len, &c->ignore, err);
		if (e.code != CRL_NOT_FOUND) {
			*err = e;
			return -1;
		}
	}
	return 0;
}

/* The path of `file` below the folder `dir`, or NULL when it is outside. */
static char *inside(const char *dir, const char *file)
{
	_cleanup_free_ char *d = realpath(dir, NULL);
	_cleanup_free_ char *f = realpath(file, NULL);
	size_t n = d ? strlen(d) : 0;
	if (!d || !f || strncmp(d, f, n) != 0)
		return NULL;
	if (str_eq(d, "/"))
		return strdup(f + 1);
	return f[n] == '/' ? strdup(f + n + 1) : NULL;
}

/* Finds the Dockerfile: below the folder, elsewhere, or on stdin. */
static int find_dockerfile(const struct opts *o, const char *dir, struct context *c,
			   char **ret_outside, size_t *ret_len, struct crl_err *err)
{
	const char *file = opt_str(o, "file");
	*ret_outside = NULL;
	if (!file) {
		c->dockerfile = strdup("Dockerfile");
		return c->dockerfile ? 0 : crl_fail_oom(err);
	}
	if (!str_eq(file, "-")) {
		_cleanup_free_ char *joined = client_path("%s/%s", dir, file);
		c->dockerfile = inside(dir, file);
		if (!c->dockerfile && *file != '/' && joined && access(file, F_OK) < 0)
			c->dockerfile = inside(dir, joined);
		if (c->dockerfile)
			return 0;
	}
	c->dockerfile = strdup(OUTSIDE_NAME);
	if (!c->dockerfile)
		return crl_fail_oom(err);
	if (str_eq(file, "-"))
		return read_stdin(ret_outside, ret_len, err);
	if (path_read_file(AT_FDCWD, file, MAX_DOCKERFILE, ret_outside, ret_len, err) < 0)
		return crl_context(err, "unable to prepare context: Dockerfile");
	return 0;
}

static int context_of_folder(const struct opts *o, const char *dir, struct context *c,
			     struct crl_err *err)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *outside = NULL;
	size_t len = 0;
	if (fd < 0)
		return crl_fail_sys(err, errno, "unable to prepare context: %s", dir);
	if (find_dockerfile(o, dir, c, &outside, &len, err) < 0 || load_ignore(c, fd, err) < 0)
		return -1;
	if (!outside && faccessat(fd, c->dockerfile, R_OK, 0) < 0)
		return crl_fail_sys(err, errno, "unable to prepare context: Dockerfile %s/%s", dir,
				    c->dockerfile);
	const struct tar_options options = {.wanted = wanted, .ctx = c};
	c->tar = tar_new(fd, &options);
	if (!c->tar)
		return crl_fail_oom(err);
	return outside ? tar_add_memory(c->tar, c->dockerfile, outside, len, err) : 0;
}

static bool looks_packed(const char *data, size_t len)
{
	static const struct {
		size_t at, len;
		const char *magic;
	} kinds[] = {{257, 5, "ustar"},
		     {0, 2, "\x1f\x8b"},
		     {0, 3, "BZh"},
		     {0, 6,
		      "\xfd"
		      "7zXZ\0"},
		     {0, 4, "\x28\xb5\x2f\xfd"}};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (len >= kinds[i].at + kinds[i].len &&
		    memcmp(data + kinds[i].at, kinds[i].magic, kinds[i].len) == 0)
			return true;
	return false;
}

/* "-": a packed context goes through as it is; anything else is a Dockerfile. */
static int context_of_stdin(const struct opts *o, struct context *c, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char piece[PEEK];
	ssize_t n = 1;
	while (n > 0 && b.len < sizeof piece) {
		n = read(STDIN_FILENO, piece, sizeof piece - b.len);
		if (n < 0 && errno != EINTR)
			return crl_fail_sys(err, errno, "read stdin");
		if (n > 0)
			buf_add(&b, piece, (size_t)n);
	}
	c->dockerfile = strdup(opt_str(o, "file") ? opt_str(o, "file") : "Dockerfile");
	c->first_len = b.len;
	if (looks_packed(b.data ? b.data : "", b.len)) {
		c->first = buf_take(&b);
		return c->first && c->dockerfile ? 0 : crl_fail_oom(err);
	}
	_cleanup_free_ char *rest = NULL;
	size_t len = 0;
	if (n > 0 && read_stdin(&rest, &len, err) < 0)
		return -1;
	buf_add(&b, rest, rest ? len : 0);
	c->tar = tar_new_empty();
	if (!c->tar || !c->dockerfile || b.failed)
		return crl_fail_oom(err);
	return tar_add_memory(c->tar, c->dockerfile, b.data ? b.data : "", b.len, err);
}

static ssize_t context_read(void *ctx, void *to, size_t size, struct crl_err *err)
{
	struct context *c = ctx;
	if (c->tar)
		return tar_read(c->tar, to, size, err);
	if (c->first_at < c->first_len) {
		size_t n = c->first_len - c->first_at;
		n = n < size ? n : size;
		memcpy(to, c->first + c->first_at, n);
		c->first_at += n;
		return (ssize_t)n;
	}
	ssize_t n;
	do
		n = read(STDIN_FILENO, to, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? crl_fail_sys(err, errno, "read the context from stdin") : n;
}

/* ---- the command ---- */

/* A quiet build of an old daemon sends the ID as its only text. */
static const char *image_id(struct progress *p)
{
	const char *at = p->quiet.data ? strstr(p->quiet.data, "sha256:") : NULL;
	if (!p->id && at)
		p->id = strndup(at, strcspn(at, "\r\n"));
	return p->id;
}

static int write_iidfile(const char *path, const char *id, struct crl_err *err)
{
	if (!path)
		return 0;
	if (!id)
		return crl_fail(err, CRL_IO, "the daemon has not told the image's ID");
	return path_write_atomic(AT_FDCWD, path, id, strlen(id), 0644, false, err);
}

static int build_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_(context_free) struct context c = {0};
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_progress_ struct progress p;
	bool quiet = opt_bool(o, "quiet");
	progress_init(&p, quiet ? NULL : stdout);
	p.keep = quiet;
	p.tty = p.tty && !str_eq(opt_str(o, "progress"), "plain");
	if (str_eq(o->args[0], "-") && str_eq(opt_str(o, "file"), "-"))
		return crl_fail(
			err, CRL_INVALID,
			"invalid argument: can't use stdin for both build context and dockerfile");
	if ((str_eq(o->args[0], "-") ? context_of_stdin(o, &c, err)
				     : context_of_folder(o, o->args[0], &c, err)) < 0 ||
	    build_path(o, c.dockerfile, &path, err) < 0)
		return -1;
	/* Old daemons insist on this header: an empty object in base64. */
	struct http_request r = {.method = "POST",
				 .path = path.data,
				 .content_type = "application/x-tar",
				 .headers = "X-Registry-Config: e30=\r\n",
				 .chunked = true};
	if (transfer_send(cli, &r, context_read, &c, &p, err) < 0)
		return -1;
	const char *id = image_id(&p);
	if (quiet && id)
		puts(id);
	return write_iidfile(opt_str(o, "iidfile"), id, err);
}

const struct command cmd_build = {
	.usage = "[OPTIONS] PATH | -",
	.summary = "Build an image from a Dockerfile",
	CLI_OPTS(build_opts),
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_FILES,
	.run = build_main,
};
