/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths under a directory descriptor, resolved by openat2(2). Everything that
 * touches a tree that strangers may have written (a container's root, a
 * layer, a volume, a build context) goes through here and never through
 * open() on a joined string (CVE-2021-30465, CVE-2024-45310).
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <crun-lite/err.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens `path` as if `root_fd` were "/": absolute paths and symlinks restart at
 * root_fd, ".." never leaves it (RESOLVE_IN_ROOT, no magic links). `flags` as
 * open(2), O_CLOEXEC is added. `mode` for O_CREAT only.
 */
int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode, int *ret_fd,
		      struct crl_err *err);

/* The same but refuses anything that would leave `dir_fd` (RESOLVE_BENEATH | NO_MAGICLINKS). */
int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd,
		      struct crl_err *err);

/*
 * The directory `path` inside root_fd, made with `mode` where components are
 * missing (mkdirat component by component under a descriptor; no host path is
 * ever formed). Existing symlinks are followed inside the root. ret_fd: O_PATH.
 */
int path_mkdir_in_root(int root_fd, const char *path, mode_t mode, int *ret_fd,
		       struct crl_err *err);

/* mkdir -p on a trusted host path. */
int path_mkdir_p(const char *path, mode_t mode, struct crl_err *err);

/*
 * Removes `name` below `dir_fd`, with everything in it, never following a
 * symlink and never crossing into another mount. Missing is success.
 */
int path_remove_tree(int dir_fd, const char *name, struct crl_err *err);

/* Reads a whole file below dir_fd (AT_FDCWD allowed) as fd_read_all(). A missing file:
 * CRL_NOT_FOUND. */
int path_read_file(int dir_fd, const char *path, size_t limit, char **ret_data, size_t *ret_len,
		   struct crl_err *err);

/* Writes a short string to an existing file (cgroup, proc): open, one write, close. */
int path_write_string(int dir_fd, const char *path, const char *value, struct crl_err *err);

/*
 * Atomic replacement: temporary file beside it, write, (fsync), rename, (fsync
 * of the folder). With `durable` the new content survives a power cut once
 * this returns 0; without, a crash leaves either the old or the new content.
 */
int path_write_atomic(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		      bool durable, struct crl_err *err);

/* fsync of a directory by name. */
int path_fsync_dir(int dir_fd, const char *path, struct crl_err *err);

/* printf into a fresh string; NULL only when out of memory. The caller frees. */
char *path_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Lexically cleaned absolute path ("/a//b/../c/." -> "/a/c"); never leaves "/". Caller frees; NULL
 * = no memory. */
char *path_clean(const char *path);

#endif
