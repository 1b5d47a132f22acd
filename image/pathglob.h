/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Path patterns of COPY and .dockerignore: `*` `?` `[a-z]` `[^a]` `\c` within
 * one component, `**` over any number of components. Matching takes time
 * linear in pattern times path, whatever a stranger writes.
 */
#ifndef IMAGE_PATHGLOB_H
#define IMAGE_PATHGLOB_H

#include <base/cleanup.h>
#include <crun-lite/err.h>

struct pathglob;
/* CRL_INVALID for an open class or a trailing backslash. */
int pathglob_compile(const char *pattern, struct pathglob **ret, struct crl_err *err);
void pathglob_free(struct pathglob *g);
DEFINE_CLEANUP(struct pathglob *, pathglob_free)
#define _cleanup_pathglob_ _cleanup_(pathglob_free_p)
/* Whether the whole path matches. No leading slash. */
bool pathglob_match(const struct pathglob *g, const char *path);
/* Whether something below the folder `path` could match. */
bool pathglob_match_below(const struct pathglob *g, const char *path);
/* Whether the text has wildcards at all. */
bool pathglob_is_pattern(const char *text);
/* The text without escapes; for texts that are no patterns. NULL = no memory. */
char *pathglob_unescape(const char *text);

#endif
