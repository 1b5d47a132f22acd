/* SPDX-License-Identifier: GPL-2.0-or-later */
/* .dockerignore: what of a build context stays at home. */
#ifndef CLI_IGNORE_H
#define CLI_IGNORE_H

#include <base/str.h>

struct ignore {
	struct ignore_rule {
		char *pattern; /* cleaned, no leading slash */
		bool negated;
	} * rules;
	size_t n;
};

/* Parses the text of the file. Errors name the line. */
int ignore_parse(const char *text, struct ignore *ret, struct crl_err *err);
void ignore_free(struct ignore *i);

/*
 * True when `path` is left out: the last rule that matches it, or a folder it
 * is in, decides.
 */
bool ignore_match(const struct ignore *i, const char *path);

/* True when a folder that is left out may still hold something that a later "!" brings back. */
bool ignore_may_hold(const struct ignore *i, const char *dir);

/* The glob of one pattern: * ? [a-z] \x and ** over folders, as Go's filepath.Match with docker's
 * addition. */
bool ignore_glob(const char *pattern, const char *path);

#endif
