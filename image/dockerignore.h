/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * .dockerignore: which paths of a build context are left out. Needs only
 * src/base, so that the CLI can apply it before it sends a context.
 */
#ifndef IMAGE_DOCKERIGNORE_H
#define IMAGE_DOCKERIGNORE_H

#include <base/cleanup.h>
#include <crun-lite/err.h>

#define DOCKERIGNORE_MAX_SIZE (1024U * 1024)

struct dockerignore;
/* CRL_INVALID "NAME:LINE: ..." for a bad pattern. */
int dockerignore_parse(const char *name, const char *text, size_t len, struct dockerignore **ret,
		       struct crl_err *err);
void dockerignore_free(struct dockerignore *ig);
DEFINE_CLEANUP(struct dockerignore *, dockerignore_free)
#define _cleanup_dockerignore_ _cleanup_(dockerignore_free_p)
/*
 * Whether `path` (relative to the context, no leading slash, clean) is left
 * out: the last rule that matches it or one of its parents decides. `ig` may be NULL.
 */
bool dockerignore_excluded(const struct dockerignore *ig, const char *path);
/* Whether an excluded folder must still be walked, since a "!" rule may bring back something below
 * it. */
bool dockerignore_may_include_below(const struct dockerignore *ig, const char *path);

#endif
