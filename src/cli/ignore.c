/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns of .dockerignore. Pure; fuzzed. */
#include <cli/ignore.h>

#include <ctype.h>

/* One [class]; *ret_end is behind it. An unclosed class matches nothing. */
static bool class_match(const char *p, char c, const char **ret_end)
{
	bool negated = *++p == '^', found = false;
	p += negated;
	for (bool first = true; *p && (first || *p != ']'); first = false) {
		char low = *p == '\\' && p[1] ? *++p : *p, high = low;
		p++;
		if (*p == '-' && p[1] && p[1] != ']') {
			p++;
			high = *p == '\\' && p[1] ? *++p : *p;
			p++;
		}
		found = found || (c >= low && c <= high);
	}
	*ret_end = *p ? p + 1 : p;
	return *p && found != negated && c != '/';
}

/*
 * Iterative with one remembered star of each kind, so that a hostile pattern
 * costs at most pattern x path x path steps. "**" is given up last.
 */
bool ignore_glob(const char *p, const char *s)
{
	const char *star = NULL, *star_s = NULL, *deep = NULL, *deep_s = NULL;
	for (;;) {
		const char *end;
		if (p[0] == '*' && p[1] == '*') {
			p += 2 + (p[2] == '/');
			deep = p;
			deep_s = s;
			star = NULL;
			if (!*p)
				return true;
			continue;
		}
		if (*p == '*') {
			star = ++p;
			star_s = s;
			continue;
		}
		if (!*p && !*s)
			return true;
		if (*s && *p == '[' && class_match(p, *s, &end)) {
			p = end;
			s++;
			continue;
		}
		if (*s && *p && *p != '[' &&
		    ((*p == '?' && *s != '/') || (*p == '\\' && p[1] ? p[1] : *p) == *s)) {
			p += *p == '\\' && p[1] ? 2 : 1;
			s++;
			continue;
		}
		if (star && *star_s && *star_s != '/') {
			p = star;
			s = ++star_s;
		} else if (deep && *deep_s) {
			p = deep;
			s = ++deep_s;
			star = NULL;
		} else {
			return false;
		}
	}
}

/* Lexical cleaning: "./a//b/../c/" gives "a/c". In place. */
static void clean(char *s)
{
	_cleanup_strv_ char **parts = strv_split(s, "/", false);
	char **kept = parts;
	size_t n = 0;
	for (char **p = parts; p && *p; p++) {
		if (str_eq(*p, "."))
			continue;
		if (str_eq(*p, "..")) {
			n -= n > 0;
			continue;
		}
		char *t = kept[n];
		kept[n++] = *p;
		*p = t;
	}
	char *to = s;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(kept[i]);
		if (i)
			*to++ = '/';
		memcpy(to, kept[i], len);
		to += len;
	}
	*to = 0;
}

static int add_rule(struct ignore *i, char *line, struct crl_err *err)
{
	bool negated = *line == '!';
	line += negated;
	line += strspn(line, " \t");
	_cleanup_free_ char *pattern = strdup(line);
	struct ignore_rule *bigger = realloc(i->rules, (i->n + 1) * sizeof *bigger);
	if (bigger)
		i->rules = bigger;
	if (!bigger || !pattern)
		return crl_fail_oom(err);
	clean(pattern);
	if (!*pattern && negated)
		return crl_fail(err, CRL_INVALID,
				".dockerignore: illegal exclusion pattern: \"!\"");
	if (*pattern)
		i->rules[i->n++] = (struct ignore_rule){take_ptr(pattern), negated};
	return 0;
}

int ignore_parse(const char *text, struct ignore *ret, struct crl_err *err)
{
	_cleanup_(ignore_free) struct ignore i = {0};
	if (str_starts(text, "\xEF\xBB\xBF"))
		text += 3;
	_cleanup_strv_ char **lines = strv_split(text, "\n", false);
	for (char **l = lines; l && *l; l++) {
		char *line = *l + strspn(*l, " \t\r");
		size_t n = strlen(line);
		if (**l == '#')
			continue;
		while (n && isspace((unsigned char)line[n - 1]))
			line[--n] = 0;
		if (n && add_rule(&i, line, err) < 0)
			return -1;
	}
	*ret = i;
	i = (struct ignore){0};
	return 0;
}

void ignore_free(struct ignore *i)
{
	for (size_t k = 0; k < i->n; k++)
		free(i->rules[k].pattern);
	free(i->rules);
	*i = (struct ignore){0};
}

/* The pattern matches the path or one of the folders above it. */
static bool matches(const char *pattern, const char *path)
{
	if (ignore_glob(pattern, path))
		return true;
	_cleanup_free_ char *prefix = strdup(path);
	for (char *slash; prefix && (slash = strrchr(prefix, '/'));) {
		*slash = 0;
		if (ignore_glob(pattern, prefix))
			return true;
	}
	return false;
}

bool ignore_match(const struct ignore *i, const char *path)
{
	bool out = false;
	for (size_t k = 0; k < i->n; k++)
		if (out == i->rules[k].negated && matches(i->rules[k].pattern, path))
			out = !i->rules[k].negated;
	return out;
}

bool ignore_may_hold(const struct ignore *i, const char *dir)
{
	size_t n = strlen(dir);
	for (size_t k = 0; k < i->n; k++) {
		const char *p = i->rules[k].pattern;
		if (!i->rules[k].negated)
			continue;
		/* With a wildcard before the folder's end anything is possible. */
		size_t literal = strcspn(p, "*?[\\");
		if (literal < n ? strncmp(p, dir, literal) == 0 && p[literal]
				: strncmp(p, dir, n) == 0)
			return true;
	}
	return false;
}
