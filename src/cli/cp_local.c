/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local paths of `cp`. The archive comes from a container, so from a stranger:
 * it is unpacked by the same code as layers, which stays below the folder it
 * was given whatever names and links say. See docker-cp(1), openat2(2).
 */
#include <cli/cp_local.h>

#include <base/cleanup.h>
#include <base/path.h>
#include <unpack.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_with_part(const char *path, const char *part)
{
	size_t n = strlen(path), k = strlen(part);
	return n >= k && str_eq(path + n - k, part) && (n == k || path[n - k - 1] == '/');
}

bool cp_means_content(const char *path)
{
	return ends_with_part(path, ".");
}

bool cp_means_directory(const char *path)
{
	return ends_with_part(path, "") || ends_with_part(path, ".") || ends_with_part(path, "..");
}

char *cp_base_name(const char *path)
{
	_cleanup_free_ char *clean = path_clean(path);
	if (!clean)
		return NULL;
	return strdup(str_eq(clean, "/") ? "/" : strrchr(clean, '/') + 1);
}

/* path_clean() makes paths absolute: a relative one gets the working directory in front. */
static char *absolute(const char *path)
{
	char cwd[PATH_MAX];
	if (path[0] == '/')
		return path_clean(path);
	if (!getcwd(cwd, sizeof cwd))
		return NULL;
	_cleanup_free_ char *full = path_printf("%s/%s", cwd, path);
	return full ? path_clean(full) : NULL;
}

char *cp_dir_name(const char *path)
{
	char *clean = path_clean(path), *slash = clean ? strrchr(clean, '/') : NULL;
	if (slash)
		slash[slash == clean] = '\0';
	return clean;
}

/* --- what is sent --- */

void cp_source_free(struct cp_source *s)
{
	cleanup_close_p(&s->dir_fd);
	free(s->base);
	free(s->name);
}

static char *real_path(const char *path, bool follow)
{
	_cleanup_free_ char *clean = absolute(path);
	if (!clean || follow || cp_means_directory(path))
		return clean ? realpath(path, NULL) : NULL;
	return take_ptr(clean);
}

int cp_source_open(const char *path, bool follow, struct cp_source *ret, struct crl_err *err)
{
	_cleanup_(cp_source_free) struct cp_source s = {.dir_fd = -1};
	_cleanup_free_ char *real = real_path(path, follow), *dir = NULL, *shown = absolute(path);
	struct stat st;
	if (!real || !shown)
		return crl_fail_sys(err, errno, "%s", path);
	s.content = cp_means_content(path);
	dir = s.content ? strdup(real) : cp_dir_name(real);
	s.base = s.content ? strdup(".") : cp_base_name(real);
	s.name = cp_base_name(shown);
	if (!dir || !s.base || !s.name)
		return crl_fail_oom(err);
	s.dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s.dir_fd < 0 || fstatat(s.dir_fd, s.base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	s.is_dir = S_ISDIR(st.st_mode);
	*ret = s;
	s = (struct cp_source){.dir_fd = -1};
	return 0;
}

/* --- docker's table --- */

int cp_decide(const struct cp_kind *source, const char *dst, const struct cp_kind *destination,
	      char **ret_into, char **ret_as, struct crl_err *err)
{
	if (destination->exists && destination->is_dir) {
		*ret_as = NULL;
		*ret_into = strdup(dst);
		return *ret_into ? 0 : crl_fail_oom(err);
	}
	if (destination->exists && source->is_dir)
		return crl_fail(err, CRL_INVALID, "cannot copy directory");
	if (!source->is_dir && cp_means_directory(dst))
		return crl_fail(err, CRL_INVALID, "no such directory");
	_cleanup_free_ char *into = cp_dir_name(dst), *as = cp_base_name(dst);
	if (!into || !as)
		return crl_fail_oom(err);
	*ret_into = take_ptr(into);
	*ret_as = take_ptr(as);
	return 0;
}

/* --- unpacking --- */

struct body_stream {
	struct stream s;
	struct http_conn *conn;
	struct http_response *r;
};

static ssize_t body_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct body_stream *b = (struct body_stream *)s;
	return http_read(b->conn, b->r, buf, len, err);
}

int cp_unpack(struct http_conn *conn, struct http_response *r, const char *into, const char *as,
	      int64_t *ret_bytes, struct crl_err *err)
{
	struct body_stream body = {.s = {.read = body_read}, .conn = conn, .r = r};
	struct unpack_options o = UNPACK_DEFAULTS;
	struct unpack_result result = {0};
	_cleanup_close_ int dir = open(into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return crl_fail_sys(err, errno, "%s", into);
	o.overlay = false;
	o.uid = geteuid();
	o.gid = getegid();
	o.top = as;
	o.keep_kind = true;
	/* A folder that others may use: what is there is left as it is. */
	o.scope_fd = dir;
	o.scope_path = "";
	if (unpack_tar(&body.s, dir, &o, &result, err) < 0)
		return -1;
	*ret_bytes = result.bytes;
	strv_free(result.implicit);
	return 0;
}
