/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts what libc will make of an expression before it is given to it. Pure. Where the count
 * cannot be sure it is too high. See regex(7), regcomp(3) ("bugs": resource limits).
 */
#include "log_regex.h"

#include <base/str.h>
#include <ctype.h>

#define TEXT_MAX 1024U
#define DEPTH_MAX 32U
#define NODES_MAX 8192U /* Go stops at a thousand repetitions; a hex digest is 64 */

struct cost {
	size_t at[DEPTH_MAX]; /* nodes so far, by depth of parentheses */
	size_t last;          /* of the part that a repetition would copy; it is in at[] */
	unsigned depth;
};

/* Behind "[...]"; NULL: it does not end. */
static const char *skip_bracket(const char *p)
{
	p++;
	p += *p == '^';
	p += *p == ']';
	while (*p && *p != ']') {
		const char *kind = p[0] == '[' && p[1] ? strchr(".=:", p[1]) : NULL;
		const char end[] = {kind ? *kind : '\0', ']', '\0'};
		p = kind ? strstr(p + 2, end) : p + 1;
		if (!p)
			return NULL;
		p += kind ? 2 : 0;
	}
	return *p ? p + 1 : NULL;
}

static bool repeat(struct cost *c, size_t times)
{
	if (times > NODES_MAX || c->last * times > NODES_MAX)
		return false;
	size_t more = times > 1 ? c->last * (times - 1) : 0;
	c->at[c->depth] += more;
	c->last += more;
	return c->at[c->depth] <= NODES_MAX;
}

static size_t number(const char **p)
{
	size_t n = 0;

	for (; isdigit((unsigned char)**p) && n <= NODES_MAX; (*p)++)
		n = n * 10 + (size_t)(**p - '0');
	return n;
}

/* At "{": as often as libc copies the part. Returns what is behind "}"; NULL: too often, no bound.
 */
static const char *take_bound(struct cost *c, const char *p)
{
	p++;
	size_t n = number(&p), m = 0;
	if (*p == ',') {
		p++;
		m = number(&p);
		n = m ? m : n + 1; /* "{3,}" is three and a star */
	}
	return *p == '}' && repeat(c, n) ? p + 1 : NULL;
}

static bool open_group(struct cost *c)
{
	if (++c->depth == DEPTH_MAX)
		return false;
	c->at[c->depth] = 1;
	c->last = 0;
	return true;
}

static bool close_group(struct cost *c)
{
	if (c->depth == 0)
		return true; /* an ordinary character, or an error: regcomp() knows */
	c->last = c->at[c->depth--];
	c->at[c->depth] += c->last;
	return c->at[c->depth] <= NODES_MAX;
}

static bool add_atom(struct cost *c)
{
	c->last = 1;
	return ++c->at[c->depth] <= NODES_MAX;
}

/* One piece of it; NULL: it costs too much, or is none. */
static const char *take_piece(struct cost *c, const char *p)
{
	switch (*p) {
	case '(': return open_group(c) ? p + 1 : NULL;
	case ')': return close_group(c) ? p + 1 : NULL;
	case '{': return take_bound(c, p);
	case '+': return repeat(c, 2) ? p + 1 : NULL;
	case '[': return add_atom(c) ? skip_bracket(p) : NULL;
	case '\\': return p[1] && !isdigit((unsigned char)p[1]) && add_atom(c) ? p + 2 : NULL;
	case '*':
	case '?':
	case '|': return p + 1;
	default: return add_atom(c) ? p + 1 : NULL;
	}
}

static bool affordable(const char *p)
{
	struct cost c = {0};

	if (strlen(p) > TEXT_MAX)
		return false;
	while (p && *p)
		p = take_piece(&c, p);
	return p;
}

bool log_regex_compile(const char *text, regex_t *ret)
{
	regex_t re;

	if (!affordable(text) || regcomp(&re, text, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	*ret = re;
	return true;
}
