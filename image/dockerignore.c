/* SPDX-License-Identifier: GPL-2.0-or-later */
/* .dockerignore rules: one pattern a line, "!" brings back, "#" in the first column comments. */
#include "dockerignore.h"
#include "pathglob.h"

#include <base/path.h>
#include <base/str.h>
#include <stdlib.h>

struct rule {
	struct pathglob *glob;
	bool include; /* "!" */
};

struct dockerignore {
	struct rule *rules;
	size_t n;
};

/* Blanks around taken off, in place. */
static char *trim(char *s)
{
	static const char blanks[] = " \t\r\v\f";
	size_t n;

	s += strspn(s, blanks);
	n = strlen(s);
	while (n > 0 && strchr(blanks, s[n - 1]))
		s[--n] = 0;
	return s;
}

static int add_rule(struct dockerignore *ig, const char *pattern, bool include, struct crl_err *err)
{
	_cleanup_free_ char *clean = NULL;

	if (str_starts(pattern, "../") || str_eq(pattern, ".."))
		return 0; /* outside of the context: matches nothing */
	_cleanup_free_ char *rooted = path_printf("/%s", pattern);
	clean = rooted ? path_clean(rooted) : NULL;
	if (!clean)
		return crl_fail_oom(err);
	if (!clean[1])
		return 0; /* "." and "/" match nothing */
	struct rule *grown = realloc(ig->rules, (ig->n + 1) * sizeof(*grown));
	if (!grown)
		return crl_fail_oom(err);
	ig->rules = grown;
	if (pathglob_compile(clean + 1, &ig->rules[ig->n].glob, err) < 0)
		return -1;
	ig->rules[ig->n++].include = include;
	return 0;
}

static int add_line(struct dockerignore *ig, char *line, struct crl_err *err)
{
	if (*line == '#')
		return 0;
	line = trim(line);
	if (!*line)
		return 0;
	bool include = *line == '!';
	if (include) {
		line = trim(line + 1);
		if (!*line)
			return crl_fail(err, CRL_INVALID, "illegal exclusion pattern: \"!\"");
	}
	return add_rule(ig, line, include, err);
}

int dockerignore_parse(const char *name, const char *text, size_t len, struct dockerignore **ret,
		       struct crl_err *err)
{
	unsigned number = 0;

	if (len > DOCKERIGNORE_MAX_SIZE)
		return crl_fail(err, CRL_LIMIT, "%s is larger than 1 MiB", name);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	_cleanup_dockerignore_ struct dockerignore *ig = calloc(1, sizeof(*ig));
	if (!ig)
		return crl_fail_oom(err);
	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len;
		_cleanup_free_ char *line = strndup(text, n);
		if (!line)
			return crl_fail_oom(err);
		number++;
		if (add_line(ig, line, err) < 0)
			return crl_context(err, "%s:%u", name, number);
		n += nl != NULL;
		text += n;
		len -= n;
	}
	*ret = take_ptr(ig);
	return 0;
}

void dockerignore_free(struct dockerignore *ig)
{
	if (!ig)
		return;
	for (size_t i = 0; i < ig->n; i++)
		pathglob_free(ig->rules[i].glob);
	free(ig->rules);
	free(ig);
}

/* The path itself or one of the folders above it. */
static bool rule_matches(const struct rule *r, const char *path)
{
	if (pathglob_match(r->glob, path))
		return true;
	_cleanup_free_ char *parent = strdup(path);
	for (char *slash; parent && (slash = strrchr(parent, '/'));) {
		*slash = 0;
		if (pathglob_match(r->glob, parent))
			return true;
	}
	return false;
}

bool dockerignore_excluded(const struct dockerignore *ig, const char *path)
{
	bool excluded = false;

	for (size_t i = 0; ig && i < ig->n; i++)
		if (ig->rules[i].include == excluded && rule_matches(&ig->rules[i], path))
			excluded = !excluded;
	return excluded;
}

bool dockerignore_may_include_below(const struct dockerignore *ig, const char *path)
{
	for (size_t i = 0; ig && i < ig->n; i++)
		if (ig->rules[i].include && (rule_matches(&ig->rules[i], path) ||
					     pathglob_match_below(ig->rules[i].glob, path)))
			return true;
	return false;
}
