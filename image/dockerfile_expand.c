/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variables in Dockerfile words: $x ${x} ${x:-w} ${x-w} ${x:+w} ${x+w} ${x:?m}
 * ${x?m} ${x#p} ${x##p} ${x%p} ${x%%p} ${x/p/r} ${x//p/r}. One pass: what comes out of a
 * variable is not looked at again. Quotes as in the shell's words.
 */
#include "dockerfile.h"

#include <ctype.h>
#include <stdlib.h>

#define MAX_DEPTH 32U
#define SEPARATOR '\x1f' /* ends a word in split mode */

struct expander {
	const char *s; /* next character */
	char escape;
	enum dockerfile_expand_mode mode;
	const struct dockerfile_vars *vars;
	unsigned depth;
	bool split; /* blanks out of variables become SEPARATOR */
	struct crl_err *err;
};

static int until(struct expander *x, const char *stops, bool pattern, struct buf *out);

static int put(struct expander *x, struct buf *out, const char *data, size_t len)
{
	if (out->len + len > DOCKERFILE_EXPAND_MAX)
		return crl_fail(x->err, CRL_LIMIT, "the expanded text is larger than 1 MiB");
	buf_add(out, data, len);
	return 0;
}

static int put_char(struct expander *x, struct buf *out, char c)
{
	return put(x, out, &c, 1);
}

/* --- patterns: * ? and \c --- */

/* Whether `pattern` matches exactly the `n` bytes at `s`. */
static bool glob_match(const char *pattern, const char *s, size_t n)
{
	const char *end = s + n, *star = NULL, *mark = NULL;

	while (s < end || *pattern) {
		if (*pattern == '*') {
			star = ++pattern;
			mark = s;
			continue;
		}
		const char *literal = *pattern == '\\' && pattern[1] ? pattern + 1 : pattern;
		bool any = literal == pattern && *pattern == '?';
		if (s < end && *pattern && (any || *literal == *s)) {
			pattern = literal + 1;
			s++;
		} else if (star && mark < end) {
			pattern = star;
			s = ++mark;
		} else {
			return false;
		}
	}
	return true;
}

/* Length of the shortest or longest prefix (or suffix) that matches; -1 = none. */
static ssize_t trim_length(const char *pattern, const char *value, bool suffix, bool longest)
{
	size_t n = strlen(value);

	for (size_t i = 0; i <= n; i++) {
		size_t len = longest ? n - i : i;
		if (glob_match(pattern, suffix ? value + n - len : value, len))
			return (ssize_t)len;
	}
	return -1;
}

static int op_trim(struct expander *x, const char *value, const char *pattern, bool suffix,
		   bool longest, struct buf *out)
{
	ssize_t cut = trim_length(pattern, value, suffix, longest);
	size_t n = strlen(value), c = cut > 0 ? (size_t)cut : 0;

	return put(x, out, suffix ? value : value + c, n - c);
}

static int op_replace(struct expander *x, const char *value, const char *pattern, const char *with,
		      bool all, struct buf *out)
{
	while (*value) {
		size_t len = strlen(value);
		while (len > 0 && !glob_match(pattern, value, len))
			len--;
		if (len == 0) {
			if (put_char(x, out, *value++) < 0)
				return -1;
			continue;
		}
		if (put(x, out, with, strlen(with)) < 0)
			return -1;
		value += len;
		if (!all)
			break;
	}
	return put(x, out, value, strlen(value));
}

/* --- ${...} --- */

static bool is_name_char(char c, bool first)
{
	unsigned char u = (unsigned char)c;

	return u == '_' || u >= 0x80 || isalpha(u) || (!first && isdigit(u));
}

/* Name at x->s: letters, all digits, or one special parameter. Empty when there is none. */
static char *take_name(struct expander *x)
{
	const char *start = x->s;

	if (is_name_char(*x->s, true)) {
		while (is_name_char(*x->s, false))
			x->s++;
	} else if (isdigit((unsigned char)*x->s)) {
		while (isdigit((unsigned char)*x->s))
			x->s++;
	} else if (*x->s && strchr("@*#?-$!", *x->s)) {
		x->s++;
	}
	return strndup(start, (size_t)(x->s - start));
}

/* The text up to `stops` (not taken), expanded. */
static char *take_operand(struct expander *x, const char *stops, bool pattern)
{
	_cleanup_buf_ struct buf word = BUF_INIT;

	if (until(x, stops, pattern, &word) < 0)
		return NULL;
	char *s = buf_take(&word);
	if (!s)
		crl_fail_oom(x->err);
	return s;
}

static int expect_brace(struct expander *x)
{
	if (*x->s != '}')
		return crl_fail(x->err, CRL_INVALID, "a variable is not ended: } is missing");
	x->s++;
	return 0;
}

/* - + ? with `value` NULL when it counts as absent. */
static int op_default(struct expander *x, char op, const char *name, const char *value, bool colon,
		      struct buf *out)
{
	const char *set = value && !(colon && !*value) ? value : NULL;
	_cleanup_free_ char *word = take_operand(x, "}", false);

	if (!word || expect_brace(x) < 0)
		return -1;
	if (op == '+')
		return set ? put(x, out, word, strlen(word)) : 0;
	if (set)
		return put(x, out, set, strlen(set));
	if (op == '-')
		return put(x, out, word, strlen(word));
	if (!*word)
		return crl_fail(x->err, CRL_INVALID, "%s: is not allowed to be %s", name,
				colon ? "empty" : "unset");
	return crl_fail(x->err, CRL_INVALID, "%s: %s", name, word);
}

static int op_pattern(struct expander *x, char op, const char *value, struct buf *out)
{
	bool doubled = *x->s == op;

	x->s += doubled;
	_cleanup_free_ char *pattern = take_operand(x, op == '/' ? "/}" : "}", true);
	if (!pattern)
		return -1;
	if (op != '/') {
		if (expect_brace(x) < 0)
			return -1;
		return op_trim(x, value ? value : "", pattern, op == '%', doubled, out);
	}
	_cleanup_free_ char *with = NULL;
	if (*x->s == '/') {
		x->s++;
		with = take_operand(x, "}", false);
		if (!with)
			return -1;
	}
	if (expect_brace(x) < 0)
		return -1;
	return op_replace(x, value ? value : "", pattern, with ? with : "", doubled, out);
}

static int braced(struct expander *x, struct buf *out)
{
	_cleanup_free_ char *name = take_name(x);

	if (!name)
		return crl_fail_oom(x->err);
	if (!*name)
		return crl_fail(x->err, CRL_INVALID,
				"bad substitution: a name is missing after ${");
	const char *value = x->vars->get(name, x->vars->data);
	char op = *x->s;
	bool colon = op == ':';
	if (op == '}') {
		x->s++;
		return value ? put(x, out, value, strlen(value)) : 0;
	}
	if (op)
		x->s++;
	if (colon)
		op = *x->s ? *x->s++ : 0;
	if (op == '-' || op == '+' || op == '?')
		return op_default(x, op, name, value, colon, out);
	if (!colon && (op == '#' || op == '%' || op == '/'))
		return op_pattern(x, op, value, out);
	if (!op)
		return expect_brace(x);
	return crl_fail(x->err, CRL_INVALID, "unsupported modifier (%s%c) in substitution",
			colon ? ":" : "", isprint((unsigned char)op) ? op : '?');
}

/* --- words --- */

static int put_value(struct expander *x, const char *value, struct buf *out)
{
	if (!x->split)
		return put(x, out, value, strlen(value));
	for (; *value; value++)
		if (put_char(x, out, isspace((unsigned char)*value) ? SEPARATOR : *value) < 0)
			return -1;
	return 0;
}

static int dollar(struct expander *x, bool quoted, struct buf *out)
{
	x->s++;
	if (*x->s == '{') {
		_cleanup_buf_ struct buf value = BUF_INIT;
		x->s++;
		if (++x->depth > MAX_DEPTH)
			return crl_fail(x->err, CRL_LIMIT, "variables are nested too deeply");
		if (braced(x, &value) < 0)
			return -1;
		x->depth--;
		if (value.failed)
			return crl_fail_oom(x->err);
		const char *text = value.data ? value.data : "";
		return quoted ? put(x, out, text, strlen(text)) : put_value(x, text, out);
	}
	_cleanup_free_ char *name = take_name(x);
	if (!name)
		return crl_fail_oom(x->err);
	if (!*name)
		return put_char(x, out, '$');
	const char *value = x->vars->get(name, x->vars->data);
	if (!value)
		return 0;
	return quoted ? put(x, out, value, strlen(value)) : put_value(x, value, out);
}

static int single_quoted(struct expander *x, struct buf *out)
{
	const char *end = strchr(x->s + 1, '\'');

	if (!end)
		return crl_fail(x->err, CRL_INVALID, "a ' is not closed");
	if (put(x, out, x->s + 1, (size_t)(end - x->s - 1)) < 0)
		return -1;
	x->s = end + 1;
	return 0;
}

static int double_quoted(struct expander *x, struct buf *out)
{
	for (x->s++; *x->s != '"';) {
		if (!*x->s)
			return crl_fail(x->err, CRL_INVALID, "a \" is not closed");
		if (*x->s == '$') {
			if (dollar(x, true, out) < 0)
				return -1;
			continue;
		}
		if (*x->s == x->escape && x->s[1] &&
		    (x->s[1] == '"' || x->s[1] == '$' || x->s[1] == x->escape))
			x->s++;
		if (put_char(x, out, *x->s++) < 0)
			return -1;
	}
	x->s++;
	return 0;
}

/* An escape outside quotes; patterns keep it for glob_match(). */
static int escaped(struct expander *x, bool pattern, struct buf *out)
{
	char c = x->s[1];

	if (x->mode == DOCKERFILE_EXPAND_HEREDOC && c != '$') {
		x->s++;
		return put_char(x, out, x->escape);
	}
	x->s += c ? 2 : 1;
	if (!c)
		return 0;
	if (pattern && c != '/' && c != '}' && put_char(x, out, '\\') < 0)
		return -1;
	return put_char(x, out, c);
}

static int step(struct expander *x, bool pattern, struct buf *out)
{
	bool quotes = x->mode == DOCKERFILE_EXPAND_WORD;

	if (*x->s == '$')
		return dollar(x, false, out);
	if (*x->s == x->escape)
		return escaped(x, pattern, out);
	if (quotes && *x->s == '\'')
		return single_quoted(x, out);
	if (quotes && *x->s == '"')
		return double_quoted(x, out);
	return put_char(x, out, *x->s++);
}

/* Expands up to one of `stops`, or to the end when NULL. */
static int until(struct expander *x, const char *stops, bool pattern, struct buf *out)
{
	while (*x->s && !(stops && strchr(stops, *x->s)))
		if (step(x, pattern, out) < 0)
			return -1;
	return 0;
}

static int expand(const char *word, char escape, enum dockerfile_expand_mode mode, bool split,
		  const struct dockerfile_vars *vars, char **ret, struct crl_err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct crl_err local = CRL_ERR_INIT;
	struct expander x = {.s = word,
			     .escape = mode == DOCKERFILE_EXPAND_HEREDOC ? '\\' : escape,
			     .mode = mode,
			     .vars = vars,
			     .split = split,
			     .err = err ? err : &local};

	if (until(&x, NULL, false, &out) < 0)
		return -1;
	char *s = buf_take(&out);
	if (!s)
		return crl_fail_oom(err);
	*ret = s;
	return 0;
}

int dockerfile_expand(const char *word, char escape, enum dockerfile_expand_mode mode,
		      const struct dockerfile_vars *vars, char **ret, struct crl_err *err)
{
	return expand(word, escape, mode, false, vars, ret, err);
}

int dockerfile_expand_split(const char *word, char escape, const struct dockerfile_vars *vars,
			    char ***ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;

	if (expand(word, escape, DOCKERFILE_EXPAND_WORD, true, vars, &text, err) < 0)
		return -1;
	char **words = strv_split(text, "\x1f", false);
	if (!words)
		return crl_fail_oom(err);
	*ret = words;
	return 0;
}
