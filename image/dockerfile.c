/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dockerfile text -> instructions: physical lines, parser directives,
 * continuations, comments, heredoc bodies. What stands inside one instruction
 * is dockerfile_words.c's; nothing here opens a file.
 */
#include "dockerfile.h"

#include <ctype.h>
#include <stdlib.h>

struct parser {
	struct dockerfile *df;
	size_t next; /* index of the next physical line */
	size_t alloc;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

/* --- physical lines --- */

static int push_line(struct dockerfile *df, size_t *alloc, const char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (df->n_lines + 1 >= *alloc) {
		size_t n = *alloc ? *alloc * 2 : 64;
		char **grown = realloc(df->lines, n * sizeof(*grown));
		if (!grown)
			return -1;
		df->lines = grown;
		*alloc = n;
	}
	char *copy = strndup(text, len);
	if (!copy)
		return -1;
	df->lines[df->n_lines++] = copy;
	df->lines[df->n_lines] = NULL;
	return 0;
}

static int split_lines(struct dockerfile *df, const char *text, size_t len, struct crl_err *err)
{
	size_t alloc = 0;

	if (len > DOCKERFILE_MAX_SIZE)
		return crl_fail(err, CRL_LIMIT, "%s is larger than 4 MiB", df->name);
	if (memchr(text, 0, len))
		return crl_fail(err, CRL_INVALID, "%s contains a NUL byte: not a text file",
				df->name);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len;
		if (push_line(df, &alloc, text, n) < 0)
			return crl_fail_oom(err);
		n += nl != NULL;
		text += n;
		len -= n;
	}
	return 0;
}

/* --- parser directives: "# name=value" at the very top --- */

/* Splits a directive line; false when it is none. */
static bool directive_split(const char *line, char name[32], const char **ret_value,
			    size_t *ret_len)
{
	size_t n = 0;

	line = skip_blanks(line);
	if (*line++ != '#')
		return false;
	line = skip_blanks(line);
	if (!isalpha((unsigned char)*line))
		return false;
	while (n < 31 && isalnum((unsigned char)line[n])) {
		name[n] = (char)tolower((unsigned char)line[n]);
		n++;
	}
	name[n] = 0;
	line = skip_blanks(line + n);
	if (*line++ != '=')
		return false;
	line = skip_blanks(line);
	n = strlen(line);
	while (n > 0 && is_blank(line[n - 1]))
		n--;
	*ret_value = line;
	*ret_len = n;
	return n > 0;
}

static int directive_apply(struct dockerfile *df, const char *name, const char *value, size_t len,
			   struct crl_err *err)
{
	if (str_eq(name, "escape")) {
		if (len != 1 || (*value != '\\' && *value != '`'))
			return crl_fail(
				err, CRL_INVALID,
				"invalid escape directive \"%.*s\": only \\ and ` are allowed",
				(int)(len > 40 ? 40 : len), value);
		df->escape = *value;
	} else if (str_eq(name, "syntax")) {
		df->syntax = strndup(value, len);
		if (!df->syntax)
			return crl_fail_oom(err);
	}
	return 0;
}

static int fail_at_line(const struct dockerfile *df, unsigned first, unsigned last,
			struct crl_err *err)
{
	struct dockerfile_insn at = {.op = DF_OP_COUNT, .first_line = first, .last_line = last};
	return dockerfile_error(df, &at, err);
}

static int parse_directives(struct parser *p, struct crl_err *err)
{
	static const char *const known[] = {"syntax", "escape", "check"};
	bool seen[ARRAY_SIZE(known)] = {0};
	struct dockerfile *df = p->df;

	if (df->n_lines > 0 && str_starts(df->lines[0], "#!"))
		p->next = 1;
	while (p->next < df->n_lines) {
		char name[32];
		const char *value;
		size_t len, i;

		if (!directive_split(df->lines[p->next], name, &value, &len))
			return 0;
		for (i = 0; i < ARRAY_SIZE(known) && !str_eq(known[i], name); i++)
			;
		if (i == ARRAY_SIZE(known))
			return 0;
		unsigned line = (unsigned)++p->next;
		if (seen[i]) {
			crl_fail(err, CRL_INVALID, "the directive %s stands here twice", name);
			return fail_at_line(df, line, line, err);
		}
		seen[i] = true;
		if (directive_apply(df, name, value, len, err) < 0)
			return fail_at_line(df, line, line, err);
	}
	return 0;
}

/* --- logical lines --- */

/* Length of `s` without a continuation at its end; *ret_continues tells whether there was one. */
static size_t strip_continuation(const char *s, char escape, bool *ret_continues)
{
	size_t n = strlen(s), full = n;

	*ret_continues = false;
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	if (n == 0 || s[n - 1] != escape)
		return full;
	if (n >= 2 && s[n - 2] == escape)
		return full; /* an escaped escape ends the line as it is */
	*ret_continues = true;
	return n - 1;
}

static bool is_comment(const char *s)
{
	return *skip_blanks(s) == '#';
}

/* Joins the line at p->next and its continuations into `out`. False: nothing but blanks or a
 * comment. */
static bool join_logical(struct parser *p, struct buf *out)
{
	struct dockerfile *df = p->df;
	const char *line = skip_blanks(df->lines[p->next++]);
	bool more;

	if (*line == '#' || !*line)
		return false;
	buf_add(out, line, strip_continuation(line, df->escape, &more));
	/* Only the first line loses its indentation; a comment inside does not end the instruction.
	 */
	while (more && p->next < df->n_lines) {
		line = df->lines[p->next++];
		if (is_comment(line) || !*skip_blanks(line))
			continue;
		buf_add(out, line, strip_continuation(line, df->escape, &more));
	}
	return out->data && *skip_blanks(out->data); /* a lone continuation says nothing */
}

/* --- heredoc bodies --- */

static int read_heredoc(struct parser *p, struct dockerfile_heredoc *h, struct crl_err *err)
{
	_cleanup_buf_ struct buf body = BUF_INIT;

	while (p->next < p->df->n_lines) {
		const char *line = p->df->lines[p->next++];
		if (h->chomp)
			while (*line == '\t')
				line++;
		if (str_eq(line, h->name)) {
			h->body = buf_take(&body);
			return h->body ? 0 : crl_fail_oom(err);
		}
		buf_puts(&body, line);
		buf_putc(&body, '\n');
	}
	return crl_fail(err, CRL_INVALID,
			"the heredoc is not ended: a line with %s alone is missing", h->name);
}

/* --- instructions --- */

static struct dockerfile_insn *new_insn(struct parser *p, struct crl_err *err)
{
	struct dockerfile *df = p->df;

	if (df->n_insns >= DOCKERFILE_MAX_INSTRUCTIONS) {
		crl_fail(err, CRL_LIMIT, "more than %u instructions", DOCKERFILE_MAX_INSTRUCTIONS);
		return NULL;
	}
	if (df->n_insns == p->alloc) {
		size_t n = p->alloc ? p->alloc * 2 : 16;
		struct dockerfile_insn *grown = realloc(df->insns, n * sizeof(*grown));
		if (!grown) {
			crl_fail_oom(err);
			return NULL;
		}
		df->insns = grown;
		p->alloc = n;
	}
	struct dockerfile_insn *in = &df->insns[df->n_insns++];
	*in = (struct dockerfile_insn){.op = DF_OP_COUNT};
	return in;
}

/* Word, flags, rest, heredoc words; the arguments only when no body is to be read first. */
static int parse_head(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	char word[64];
	const char *rest;

	dockerfile_split_insn(in->text, word, sizeof(word), &rest);
	if (!dockerfile_op_parse(word, strlen(word), &in->op)) {
		const char *near = dockerfile_nearest_op(word);
		in->op = DF_OP_COUNT;
		return crl_fail(err, CRL_INVALID, "unknown instruction: %s%s%s%s", word,
				near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	}
	if (dockerfile_take_flags(&rest, escape, in, err) < 0)
		return -1;
	rest = skip_blanks(rest);
	size_t n = strlen(rest);
	while (n > 0 && is_blank(rest[n - 1]))
		n--;
	in->rest = strndup(rest, n);
	if (!in->rest)
		return crl_fail_oom(err);
	return dockerfile_find_heredocs(in, escape, err);
}

static int parse_insn(struct parser *p, struct dockerfile_insn *in, struct crl_err *err)
{
	if (parse_head(in, p->df->escape, err) < 0)
		return -1;
	for (size_t i = 0; i < in->n_heredocs; i++)
		if (read_heredoc(p, &in->heredocs[i], err) < 0)
			return -1;
	in->last_line = (unsigned)p->next;
	return dockerfile_parse_args(in, p->df->escape, err);
}

static int parse_body(struct parser *p, struct crl_err *err)
{
	while (p->next < p->df->n_lines) {
		_cleanup_buf_ struct buf line = BUF_INIT;
		unsigned first = (unsigned)p->next + 1;

		if (!join_logical(p, &line))
			continue;
		struct dockerfile_insn *in = new_insn(p, err);
		if (!in)
			return -1;
		in->first_line = first;
		in->last_line = (unsigned)p->next;
		in->text = buf_take(&line);
		if (!in->text)
			return crl_fail_oom(err);
		if (parse_insn(p, in, err) < 0)
			return dockerfile_error(p->df, in, err);
	}
	return 0;
}

static int check_order(const struct dockerfile *df, struct crl_err *err)
{
	for (size_t i = 0; i < df->n_insns; i++) {
		if (df->insns[i].op == DF_FROM)
			return 0;
		if (df->insns[i].op != DF_ARG) {
			crl_fail(err, CRL_INVALID,
				 "no build stage yet: only ARG may stand before the first FROM");
			return dockerfile_error(df, &df->insns[i], err);
		}
	}
	if (df->n_insns == 0)
		return crl_fail(err, CRL_INVALID, "the Dockerfile (%s) cannot be empty", df->name);
	return crl_fail(err, CRL_INVALID, "%s: no build stage: a FROM instruction is missing",
			df->name);
}

int dockerfile_parse(const char *name, const char *text, size_t len, struct dockerfile *ret,
		     struct crl_err *err)
{
	struct dockerfile df = {.escape = '\\', .name = strdup(name)};
	struct parser p = {.df = &df};
	int r = -1;

	if (!df.name)
		r = crl_fail_oom(err);
	else if (split_lines(&df, text, len, err) == 0 && parse_directives(&p, err) == 0 &&
		 parse_body(&p, err) == 0)
		r = check_order(&df, err);
	if (r < 0)
		dockerfile_free(&df);
	else
		*ret = df;
	return r;
}

int dockerfile_parse_line(const char *text, char escape, struct dockerfile_insn *ret,
			  struct crl_err *err)
{
	struct dockerfile_insn in = {.op = DF_OP_COUNT, .text = strdup(text)};
	int r = in.text ? parse_head(&in, escape, err) : crl_fail_oom(err);

	if (r == 0 && in.n_heredocs > 0)
		r = crl_fail(err, CRL_INVALID, "a heredoc cannot stand in a stored trigger");
	if (r == 0)
		r = dockerfile_parse_args(&in, escape, err);
	if (r < 0)
		dockerfile_insn_free(&in);
	else
		*ret = in;
	return r;
}

void dockerfile_insn_free(struct dockerfile_insn *in)
{
	for (size_t i = 0; i < in->n_flags; i++) {
		free(in->flags[i].name);
		free(in->flags[i].value);
	}
	for (size_t i = 0; i < in->n_heredocs; i++) {
		free(in->heredocs[i].name);
		free(in->heredocs[i].body);
	}
	free(in->flags);
	free(in->heredocs);
	free(in->text);
	free(in->rest);
	strv_free(in->args);
	*in = (struct dockerfile_insn){.op = DF_OP_COUNT};
}

void dockerfile_free(struct dockerfile *df)
{
	for (size_t i = 0; i < df->n_insns; i++)
		dockerfile_insn_free(&df->insns[i]);
	for (size_t i = 0; i < df->n_lines; i++)
		free(df->lines[i]);
	free(df->insns);
	free(df->lines);
	free(df->name);
	free(df->syntax);
	*df = (struct dockerfile){0};
}
