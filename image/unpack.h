/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From tar entries to files below one directory. */
#ifndef IMAGE_UNPACK_H
#define IMAGE_UNPACK_H

#include "tar.h"

struct unpack_options {
	bool overlay;     /* translate whiteouts; without: they are ordinary names */
	int64_t uid, gid; /* >= 0: owners of everything instead of the archive's */
	int64_t max_bytes, max_entries;
	/*
	 * >= 0: root_fd is a folder of a tree that others use, and this is that tree's root:
	 * scope_path leads from it to root_fd. Links are followed as that tree means them, and
	 * mounts are entered.
	 */
	int scope_fd;
	const char *scope_path;
	const char *top; /* takes the place of the first part of every name; NULL: as they are */
	bool keep_kind;  /* a directory is replaced by directories only, and nothing else by one */
};
#define UNPACK_DEFAULTS                                                                            \
	{                                                                                          \
		.overlay = true, .uid = -1, .gid = -1, .max_bytes = 256LL << 30,                   \
		.max_entries = 8000000, .scope_fd = -1                                             \
	}
struct unpack_result {
	int64_t bytes, entries;
	bool cut;        /* the root was opaque */
	char **implicit; /* directories made because an entry lies in them, in order of making */
};
/*
 * Unpacks until the archive's end and reads `plain` to its end. root_fd is an
 * empty directory nobody else writes to, unless there is a scope. Nothing outside of it is touched,
 * whatever the names and links say. Errors name the entry. Changes the umask.
 */
int unpack_tar(struct stream *plain, int root_fd, const struct unpack_options *o,
	       struct unpack_result *ret, struct crl_err *err);

/* --- attributes of a file (image/unpack_attrs.c) --- */
/* CRL_INVALID: the entry names state of overlayfs. */
int unpack_check_xattrs(const struct tar_entry *e, struct crl_err *err);
/* The id to write: `forced` of the options, where that is not negative. */
uint32_t unpack_owner(int64_t forced, uint32_t own);
/* Owner, mode and extended attributes. `fresh`: the file is new, with the entry's permissions. */
int unpack_set_attributes(const struct unpack_options *o, int fd, const struct tar_entry *e,
			  bool fresh, struct crl_err *err);

/* --- names and folders (image/unpack_path.c) --- */
struct unpack_path {
	int root_fd;
	int scope_fd; /* as in the options */
	const char *scope_path;
	bool overlay;
	char *cached;  /* the folder of the last entry... */
	int cached_fd; /* ... O_PATH */
	char **implicit;
};
/*
 * Cleans an entry's name into `out`: no leading "/", no "." or empty parts. ""
 * is the root itself. CRL_INVALID: "..", CRL_LIMIT: too long.
 */
int unpack_clean_name(const char *name, char out[TAR_NAME_MAX], struct crl_err *err);
/*
 * The folder of a cleaned name, made where missing, and the name in it
 * (points into `name`). The descriptor is borrowed until the next call.
 */
int unpack_parent(struct unpack_path *p, const char *name, int *ret_fd, const char **ret_base,
		  struct crl_err *err);
/* The folder of a link's target, never made. The caller closes. */
int unpack_find_parent(struct unpack_path *p, const char *name, int *ret_fd, const char **ret_base,
		       struct crl_err *err);
/* The folder of a cleaned name ("" = root_fd), never made; -1 and errno. The caller closes. */
int unpack_open_folder(const struct unpack_path *p, const char *path, int flags);
/* Something was removed: cached folders may be gone. */
void unpack_forget(struct unpack_path *p);
/* A directory that hides what lower layers have under its name. */
int unpack_set_opaque(int parent_fd, const char *name, struct crl_err *err);

#define UNPACK_OPAQUE_XATTR "trusted.overlay.opaque"
#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

#endif
