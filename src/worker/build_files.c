/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a RUN step finds in its root besides the layers: resolv.conf(5),
 * hosts(5), hostname, the script of a heredoc, and mount points; none of it
 * may stay in the layer.
 */
#include "build.h"

#include <base/path.h>
#include <stdlib.h>
#include <sys/stat.h>

/* --- files --- */

static int write_file(struct build_job *j, const char *name, const char *text, mode_t mode,
		      struct crl_err *err)
{
	return path_write_atomic(j->staging_fd, name, text, strlen(text), mode, false, err);
}

/* A resolver on the host's loopback cannot be reached from another network namespace. */
static bool unreachable(const char *line)
{
	line += strlen("nameserver");
	line += strspn(line, " \t");
	return str_starts(line, "127.") || str_eq(line, "::1");
}

static int write_resolv_conf(struct build_job *j, bool host_network, struct crl_err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **lines = NULL;
	const char *path = j->args.resolv_conf ? j->args.resolv_conf : "/etc/resolv.conf";
	bool resolver = false;
	size_t len;

	if (path_read_file(AT_FDCWD, path, 1U << 20, &text, &len, NULL) == 0)
		lines = strv_split(text, "\n", false);
	for (size_t i = 0; lines && lines[i]; i++) {
		bool server = str_starts(lines[i], "nameserver");
		if (server && !host_network && unreachable(lines[i]))
			continue;
		resolver = resolver || server;
		buf_printf(&out, "%s\n", lines[i]);
	}
	/* Docker's fallback: without any resolver names would not work at all. */
	if (!resolver)
		buf_puts(&out, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
	return out.failed ? crl_fail_oom(err) : write_file(j, "resolv.conf", out.data, 0644, err);
}

static int write_hosts(struct build_job *j, const char *hostname, struct crl_err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (j->args.hosts &&
	    path_read_file(AT_FDCWD, j->args.hosts, 1U << 20, &text, &len, NULL) == 0)
		buf_add(&out, text, len);
	else
		buf_puts(&out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	for (size_t i = 0; j->args.extra_hosts && j->args.extra_hosts[i]; i++) {
		const char *entry = j->args.extra_hosts[i], *sep = strpbrk(entry, "=:");
		if (!sep || strpbrk(entry, " \t\r\n"))
			return crl_fail(err, CRL_INVALID,
					"extra host \"%s\": the form is name:address", entry);
		buf_printf(&out, "%s\t%.*s\n", sep + 1, (int)(sep - entry), entry);
	}
	buf_printf(&out, "127.0.0.1\t%.12s\n", hostname);
	return out.failed ? crl_fail_oom(err) : write_file(j, "hosts", out.data, 0644, err);
}

int build_files_write(struct build_job *j, const struct crl_build_run *run, const char *network,
		      struct crl_err *err)
{
	char hostname[16];

	snprintf(hostname, sizeof(hostname), "%.12s\n", run->id);
	if (write_resolv_conf(j, str_eq(network, "host"), err) < 0 ||
	    write_hosts(j, run->id, err) < 0 || write_file(j, "hostname", hostname, 0644, err) < 0)
		return -1;
	return run->script ? write_file(j, "script", run->script, 0755, err) : 0;
}

/*
 * --- mount points that the step's root does not have ---
 * They are made before the step and taken away after it, and the folders
 * around them get their times back unless the step changed them itself:
 * otherwise every RUN would leave a layer.
 */

static const struct {
	const char *path;
	bool is_dir;
} stubs[] = {{"/proc", true},
	     {"/sys", true},
	     {"/dev", true},
	     {"/etc", true},
	     {"/etc/hosts", false},
	     {"/etc/hostname", false},
	     {"/etc/resolv.conf", false}};

static const char *const stub_parents[BUILD_STUB_PARENTS] = {"/", "/etc"};

static void parent_times(int root_fd, struct timespec times[BUILD_STUB_PARENTS])
{
	for (size_t i = 0; i < ARRAY_SIZE(stub_parents); i++) {
		_cleanup_close_ int fd = -1;
		struct stat st;
		times[i] = (struct timespec){.tv_nsec = UTIME_OMIT};
		if (path_open_in_root(root_fd, stub_parents[i], O_RDONLY | O_DIRECTORY, 0, &fd,
				      NULL) == 0 &&
		    fstat(fd, &st) == 0)
			times[i] = st.st_mtim;
	}
}

/* The folder that holds a stub; *ret_name is its last component. */
static int stub_parent(int root_fd, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = strndup(path, (size_t)(slash - path));
	int fd = -1;

	*ret_name = slash + 1;
	if (!dir ||
	    path_open_in_root(root_fd, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) < 0)
		return -1;
	return fd;
}

void build_stubs_make(int root_fd, struct build_stubs *s)
{
	*s = (struct build_stubs){0};
	parent_times(root_fd, s->before);
	for (size_t i = 0; i < ARRAY_SIZE(stubs); i++) {
		const char *name;
		_cleanup_close_ int fd = stub_parent(root_fd, stubs[i].path, &name), file = -1;
		if (fd < 0)
			continue;
		if (stubs[i].is_dir)
			s->made |= mkdirat(fd, name, 0755) == 0 ? 1U << i : 0U;
		else if ((file = openat(fd, name,
					O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
					0644)) >= 0)
			s->made |= 1U << i;
	}
	parent_times(root_fd, s->after);
}

void build_stubs_remove(int root_fd, const struct build_stubs *s)
{
	struct timespec now[ARRAY_SIZE(stub_parents)];

	parent_times(root_fd, now);
	for (size_t i = ARRAY_SIZE(stubs); i-- > 0;) {
		const char *name;
		struct stat st;
		_cleanup_close_ int fd =
			s->made & (1U << i) ? stub_parent(root_fd, stubs[i].path, &name) : -1;
		if (fd < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			unlinkat(fd, name, AT_REMOVEDIR); /* only when empty */
		else if (S_ISREG(st.st_mode) && st.st_size == 0)
			unlinkat(fd, name, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(stub_parents); i++) {
		const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, s->before[i]};
		_cleanup_close_ int fd = -1;
		if (now[i].tv_sec == s->after[i].tv_sec && now[i].tv_nsec == s->after[i].tv_nsec &&
		    s->made &&
		    path_open_in_root(root_fd, stub_parents[i], O_RDONLY | O_DIRECTORY, 0, &fd,
				      NULL) == 0)
			futimens(fd, times);
	}
}
