/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Path patterns as a small automaton: a list of tokens, and a set of positions
 * in it that is carried over the path byte by byte. No backtracking.
 */
#include "pathglob.h"

#include <base/str.h>
#include <stdint.h>
#include <stdlib.h>

enum kind {
	CHAR,   /* this byte */
	ONE,    /* any byte but '/' */
	CLASS,  /* one byte of a set */
	STAR,   /* any bytes but '/', none too */
	DIRS,   /* "**" and a slash: nothing, or anything that ends in '/'; followed by INSIDE */
	INSIDE, /* within the anything of DIRS */
	REST,   /* "**" at the end: anything */
};

struct token {
	enum kind kind;
	uint8_t c;
	uint8_t set[32];
};

struct pathglob {
	size_t n;
	struct token *tokens;
};

#define MAX_PATTERN 4096U

static void set_add(struct token *t, unsigned c)
{
	t->set[c / 8] |= (uint8_t)(1U << (c % 8));
}

static bool set_has(const struct token *t, uint8_t c)
{
	return t->set[c / 8] & (1U << (c % 8));
}

/* One byte of a class, perhaps escaped; -1 = the pattern ends. */
static int class_byte(const char **p)
{
	if (**p == '\\')
		(*p)++;
	if (!**p)
		return -1;
	return (uint8_t) * (*p)++;
}

/* *p stands behind '['; afterwards behind ']'. */
static int parse_class(const char **p, struct token *t)
{
	bool negate = **p == '^';
	bool first = true;

	t->kind = CLASS;
	*p += negate;
	for (; **p != ']' || first; first = false) {
		if (**p == ']' || **p == '-')
			return -1;
		int lo = class_byte(p), hi = lo;
		if (lo < 0)
			return -1;
		if (**p == '-') {
			(*p)++;
			hi = class_byte(p);
			if (hi < lo)
				return -1;
		}
		for (int c = lo; c <= hi; c++)
			set_add(t, (unsigned)c);
	}
	(*p)++;
	for (size_t i = 0; negate && i < sizeof(t->set); i++)
		t->set[i] = (uint8_t)~t->set[i];
	t->set['/' / 8] &= (uint8_t) ~(1U << ('/' % 8));
	return 0;
}

static void parse_stars(const char **p, struct pathglob *g)
{
	if ((*p)[1] != '*') {
		g->tokens[g->n++].kind = STAR;
		(*p)++;
		return;
	}
	while (**p == '*')
		(*p)++;
	if (!**p) {
		g->tokens[g->n++].kind = REST;
		return;
	}
	if (**p == '/')
		(*p)++;
	g->tokens[g->n++].kind = DIRS;
	g->tokens[g->n++].kind = INSIDE;
}

static int parse(const char *p, struct pathglob *g)
{
	while (*p) {
		struct token *t = &g->tokens[g->n];
		if (*p == '*') {
			parse_stars(&p, g);
			continue;
		}
		g->n++;
		if (*p == '?') {
			t->kind = ONE;
			p++;
		} else if (*p == '[') {
			p++;
			if (parse_class(&p, t) < 0)
				return -1;
		} else {
			if (*p == '\\' && !*++p)
				return -1;
			t->kind = CHAR;
			t->c = (uint8_t)*p++;
		}
	}
	return 0;
}

int pathglob_compile(const char *pattern, struct pathglob **ret, struct crl_err *err)
{
	size_t len = strlen(pattern);

	if (len > MAX_PATTERN)
		return crl_fail(err, CRL_LIMIT, "a pattern is longer than %u bytes", MAX_PATTERN);
	_cleanup_pathglob_ struct pathglob *g = calloc(1, sizeof(*g));
	if (!g)
		return crl_fail_oom(err);
	g->tokens = calloc(len * 2 + 1, sizeof(*g->tokens));
	if (!g->tokens)
		return crl_fail_oom(err);
	if (parse(pattern, g) < 0)
		return crl_fail(err, CRL_INVALID, "syntax error in pattern: %s", pattern);
	*ret = take_ptr(g);
	return 0;
}

void pathglob_free(struct pathglob *g)
{
	if (!g)
		return;
	free(g->tokens);
	free(g);
}

/* Adds position i and all that can be reached from it without a byte. */
static void reach(const struct pathglob *g, uint8_t *set, size_t i)
{
	while (i <= g->n && !set[i]) {
		set[i] = 1;
		if (i == g->n)
			return;
		switch (g->tokens[i].kind) {
		case STAR:
		case REST: i++; break;
		case DIRS:
			set[i + 1] = 1;
			i += 2;
			break;
		case CHAR:
		case ONE:
		case CLASS:
		case INSIDE: return;
		}
	}
}

static void advance(const struct pathglob *g, size_t i, uint8_t c, uint8_t *next)
{
	const struct token *t = &g->tokens[i];

	switch (t->kind) {
	case CHAR:
		if (t->c == c)
			reach(g, next, i + 1);
		break;
	case ONE:
		if (c != '/')
			reach(g, next, i + 1);
		break;
	case CLASS:
		if (set_has(t, c))
			reach(g, next, i + 1);
		break;
	case STAR:
		if (c != '/')
			reach(g, next, i);
		break;
	case REST: reach(g, next, i); break;
	case INSIDE:
		next[i] = 1;
		if (c == '/')
			reach(g, next, i + 1);
		break;
	case DIRS: break; /* reach() has put its two ways into the set */
	}
}

/* Carries the set over `path` (and one '/' more when `below`); the set is the caller's, zeroed. */
static bool run(const struct pathglob *g, const char *path, bool below, uint8_t *set, uint8_t *next)
{
	bool alive = true;

	reach(g, set, 0);
	for (;; path++) {
		uint8_t c = (uint8_t)*path;
		bool last = !c;
		if (last && !below)
			return set[g->n];
		if (last)
			c = '/';
		memset(next, 0, g->n + 1);
		for (size_t i = 0; i < g->n; i++)
			if (set[i])
				advance(g, i, c, next);
		alive = false;
		for (size_t i = 0; i < g->n; i++)
			alive = alive || next[i];
		memcpy(set, next, g->n + 1);
		if (last)
			return alive;
		if (!alive && !set[g->n])
			return false;
	}
}

static bool match(const struct pathglob *g, const char *path, bool below)
{
	uint8_t small[512];
	_cleanup_free_ uint8_t *large = NULL;
	uint8_t *sets = small;

	if (2 * (g->n + 1) > sizeof(small)) {
		sets = large = malloc(2 * (g->n + 1));
		if (!sets)
			return false;
	}
	memset(sets, 0, 2 * (g->n + 1));
	return run(g, path, below, sets, sets + g->n + 1);
}

bool pathglob_match(const struct pathglob *g, const char *path)
{
	return match(g, path, false);
}

bool pathglob_match_below(const struct pathglob *g, const char *path)
{
	return match(g, path, true);
}

bool pathglob_is_pattern(const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		else if (strchr("*?[", *text))
			return true;
	}
	return false;
}

char *pathglob_unescape(const char *text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		buf_putc(&out, *text);
	}
	return buf_take(&out);
}
