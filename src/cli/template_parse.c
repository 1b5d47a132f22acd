/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text to tree, by recursive descent. See the documentation of Go's package
 * text/template for the grammar. Depth is bounded, since the text may come
 * from a script.
 */
#include <cli/template_tree.h>

#include <base/array.h>
#include <ctype.h>
#include <errno.h>

#define MAX_DEPTH 50

struct parser {
	const char *p;
	bool trim_next; /* the last action ended with -}} */
	int depth;
	struct crl_err *err;
};

static int fail(struct parser *s, const char *what)
{
	return crl_fail(s->err, CRL_INVALID, "template parsing error: template: :1: %s", what);
}

/* ---- freeing ---- */

static void free_pipe(struct tpl_pipe *p)
{
	for (size_t i = 0; i < p->n; i++) {
		for (size_t j = 0; j < p->items[i].n; j++) {
			struct tpl_operand *o = &p->items[i].items[j];
			free(o->text);
			strv_free(o->fields);
			if (o->pipe)
				free_pipe(o->pipe);
			free(o->pipe);
		}
		free(p->items[i].items);
	}
	free(p->items);
	strv_free(p->vars);
}

static void free_nodes(struct tpl_nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++) {
		struct tpl_node *n = &nodes->items[i];
		free(n->text);
		free_pipe(&n->pipe);
		free_nodes(&n->body);
		free_nodes(&n->other);
	}
	free(nodes->items);
}

void template_free(struct tpl *t)
{
	if (t)
		free_nodes(&t->nodes);
	free(t);
}

/* ---- inside an action ---- */

static void blanks(struct parser *s)
{
	while (isspace((unsigned char)*s->p))
		s->p++;
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static char *take_name(struct parser *s)
{
	const char *start = s->p;
	while (name_char(*s->p))
		s->p++;
	return strndup(start, (size_t)(s->p - start));
}

static bool at_action_end(const struct parser *s)
{
	if (str_starts(s->p, "}}"))
		return true;
	return isspace((unsigned char)s->p[-1]) && str_starts(s->p, "-}}");
}

/* Takes "}}" or "-}}". */
static int action_end(struct parser *s)
{
	blanks(s);
	if (!at_action_end(s))
		return fail(s, *s->p ? "unexpected text in an action" : "unclosed action");
	s->trim_next = *s->p == '-';
	s->p += s->trim_next ? 3 : 2;
	return 0;
}

static int parse_fields(struct parser *s, struct tpl_operand *o)
{
	while (*s->p == '.' && name_char(s->p[1])) {
		s->p++;
		char *name = take_name(s);
		if (!name || strv_take(&o->fields, name) < 0)
			return crl_fail_oom(s->err);
	}
	return 0;
}

static void add_utf8(struct buf *b, unsigned code)
{
	if (code < 0x80) {
		buf_putc(b, (char)code);
	} else if (code < 0x800) {
		buf_putc(b, (char)(0xC0 | code >> 6));
		buf_putc(b, (char)(0x80 | (code & 0x3F)));
	} else {
		buf_putc(b, (char)(0xE0 | code >> 12));
		buf_putc(b, (char)(0x80 | (code >> 6 & 0x3F)));
		buf_putc(b, (char)(0x80 | (code & 0x3F)));
	}
}

/* One escape of an interpreted string, after the backslash. */
static int parse_escape(struct parser *s, struct buf *b)
{
	static const char from[] = "nrtabfv\\\"'", to[] = "\n\r\t\a\b\f\v\\\"'";
	const char *known = *s->p ? strchr(from, *s->p) : NULL;
	if (known) {
		buf_putc(b, to[known - from]);
		s->p++;
		return 0;
	}
	size_t digits = *s->p == 'x' ? 2 : *s->p == 'u' ? 4 : 0;
	unsigned code = 0;
	if (!digits)
		return fail(s, "unknown escape in a string");
	for (size_t i = 1; i <= digits; i++) {
		unsigned char c = (unsigned char)s->p[i];
		if (!isxdigit(c))
			return fail(s, "unknown escape in a string");
		code = code * 16 + (unsigned)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	s->p += digits + 1;
	if (!code)
		return fail(s, "NUL in a string");
	add_utf8(b, code);
	return 0;
}

static int parse_string(struct parser *s, struct tpl_operand *o)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char quote = *s->p++;
	while (*s->p != quote) {
		if (!*s->p || (*s->p == '\n' && quote == '"'))
			return fail(s, "unterminated quoted string");
		if (*s->p == '\\' && quote == '"') {
			s->p++;
			if (parse_escape(s, &b) < 0)
				return -1;
		} else {
			buf_putc(&b, *s->p++);
		}
	}
	s->p++;
	o->kind = TPL_STR;
	o->text = buf_take(&b);
	return o->text ? 0 : crl_fail_oom(s->err);
}

static int parse_number(struct parser *s, struct tpl_operand *o)
{
	char *end;
	errno = 0;
	o->kind = TPL_NUM;
	o->number = strtod(s->p, &end);
	if (end == s->p || errno || name_char(*end))
		return fail(s, "bad number syntax");
	s->p = end;
	return 0;
}

static int parse_word(struct parser *s, struct tpl_operand *o)
{
	static const struct {
		const char *word;
		enum tpl_operand_kind kind;
	} constants[] = {{"true", TPL_TRUE}, {"false", TPL_FALSE}, {"nil", TPL_NIL}};
	size_t min_args;
	o->kind = TPL_FUNC;
	o->text = take_name(s);
	if (!o->text)
		return crl_fail_oom(s->err);
	for (size_t i = 0; i < ARRAY_SIZE(constants); i++) {
		if (str_eq(o->text, constants[i].word)) {
			o->kind = constants[i].kind;
			return 0;
		}
	}
	if (!tpl_func_find(o->text, &min_args))
		return crl_fail(s->err, CRL_INVALID,
				"template parsing error: template: :1: function \"%s\" not defined",
				o->text);
	return 0;
}

static int parse_pipe(struct parser *s, struct tpl_pipe *p, char closing);

static int parse_parens(struct parser *s, struct tpl_operand *o)
{
	s->p++;
	o->kind = TPL_PIPE;
	o->pipe = calloc(1, sizeof *o->pipe);
	if (!o->pipe)
		return crl_fail_oom(s->err);
	if (parse_pipe(s, o->pipe, ')') < 0)
		return -1;
	s->p++;
	return parse_fields(s, o);
}

static int parse_operand(struct parser *s, struct tpl_operand *o)
{
	char c = *s->p;
	if (c == '"' || c == '`')
		return parse_string(s, o);
	if (c == '(')
		return parse_parens(s, o);
	if (c == '$') {
		s->p++;
		o->kind = TPL_VAR;
		o->text = take_name(s);
		return o->text ? parse_fields(s, o) : crl_fail_oom(s->err);
	}
	if (isdigit((unsigned char)c) ||
	    ((c == '-' || c == '+') && isdigit((unsigned char)s->p[1])))
		return parse_number(s, o);
	if (c == '.') {
		o->kind = TPL_DOT;
		if (name_char(s->p[1]))
			return parse_fields(s, o);
		s->p++;
		return 0;
	}
	if (name_char(c))
		return parse_word(s, o);
	return fail(s, c ? "unexpected character in an action" : "unclosed action");
}

static bool at_command_end(struct parser *s, char closing)
{
	blanks(s);
	return *s->p == '|' || (closing ? *s->p == closing : at_action_end(s)) || !*s->p;
}

static int parse_command(struct parser *s, struct tpl_pipe *p, char closing)
{
	struct tpl_command *c = array_grow(&p->items, &p->n, sizeof *c);
	if (!c)
		return crl_fail_oom(s->err);
	while (!at_command_end(s, closing)) {
		struct tpl_operand *o = array_grow(&c->items, &c->n, sizeof *o);
		if (!o)
			return crl_fail_oom(s->err);
		if (parse_operand(s, o) < 0)
			return -1;
	}
	return c->n ? 0 : fail(s, "missing value for command");
}

/* "$i, $x :=" in front of a pipeline; when it is something else nothing is taken. */
static int parse_vars(struct parser *s, struct tpl_pipe *p)
{
	const char *start = s->p;
	for (;;) {
		if (*s->p != '$' || !name_char(s->p[1]))
			break;
		s->p++;
		char *name = take_name(s);
		if (!name || strv_take(&p->vars, name) < 0)
			return crl_fail_oom(s->err);
		blanks(s);
		if (*s->p == ',') {
			s->p++;
			blanks(s);
			continue;
		}
		if (str_starts(s->p, ":=") || (*s->p == '=' && s->p[1] != '=')) {
			p->assign = *s->p == '=';
			s->p += p->assign ? 1 : 2;
			return strv_len(p->vars) <= 2 ? 0 : fail(s, "too many declarations");
		}
		break;
	}
	strv_free(p->vars);
	p->vars = NULL;
	s->p = start;
	return 0;
}

static int parse_pipe(struct parser *s, struct tpl_pipe *p, char closing)
{
	if (++s->depth > MAX_DEPTH)
		return fail(s, "nested too deeply");
	blanks(s);
	if (parse_vars(s, p) < 0)
		return -1;
	for (;;) {
		if (parse_command(s, p, closing) < 0)
			return -1;
		if (*s->p != '|')
			break;
		s->p++;
	}
	s->depth--;
	return *s->p ? 0 : fail(s, "unclosed action");
}

/* ---- nodes ---- */

enum list_end { END_OF_TEXT, END_WORD, END_ELSE };

static int parse_nodes(struct parser *s, struct tpl_nodes *nodes, enum list_end *ret_end);

static bool take_keyword(struct parser *s, const char *word)
{
	size_t n = strlen(word);
	if (strncmp(s->p, word, n) != 0 || name_char(s->p[n]))
		return false;
	s->p += n;
	return true;
}

static int parse_block(struct parser *s, struct tpl_node *node, enum tpl_node_kind kind)
{
	enum list_end end;
	node->kind = kind;
	if (++s->depth > MAX_DEPTH)
		return fail(s, "nested too deeply");
	if (parse_pipe(s, &node->pipe, 0) < 0 || action_end(s) < 0 ||
	    parse_nodes(s, &node->body, &end) < 0)
		return -1;
	if (end == END_ELSE) {
		blanks(s);
		if (take_keyword(s, kind == TPL_WITH ? "with" : "if")) {
			struct tpl_node *inner =
				array_grow(&node->other.items, &node->other.n, sizeof *inner);
			s->depth--;
			return inner ? parse_block(s, inner, kind == TPL_WITH ? TPL_WITH : TPL_IF)
				     : crl_fail_oom(s->err);
		}
		if (action_end(s) < 0 || parse_nodes(s, &node->other, &end) < 0)
			return -1;
	}
	s->depth--;
	if (end != END_WORD)
		return fail(s, "unexpected end of the template, {{end}} is missing");
	return action_end(s);
}

static int skip_comment(struct parser *s)
{
	const char *end = strstr(s->p, "*/");
	if (!end)
		return fail(s, "unclosed comment");
	s->p = end + 2;
	return action_end(s);
}

/* After "{{": one action. *ret_end is set when it ends the list. */
static int parse_action(struct parser *s, struct tpl_nodes *nodes, enum list_end *ret_end,
			bool *ret_stop)
{
	static const struct {
		const char *word;
		enum tpl_node_kind kind;
	} blocks[] = {{"if", TPL_IF}, {"range", TPL_RANGE}, {"with", TPL_WITH}};
	blanks(s);
	*ret_stop = false;
	if (str_starts(s->p, "/*"))
		return skip_comment(s);
	if (take_keyword(s, "end") || take_keyword(s, "else")) {
		*ret_end = s->p[-1] == 'd' ? END_WORD : END_ELSE;
		*ret_stop = true;
		return 0;
	}
	struct tpl_node *node = array_grow(&nodes->items, &nodes->n, sizeof *node);
	if (!node)
		return crl_fail_oom(s->err);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		if (take_keyword(s, blocks[i].word))
			return parse_block(s, node, blocks[i].kind);
	node->kind = TPL_PRINT;
	if (parse_pipe(s, &node->pipe, 0) < 0)
		return -1;
	return action_end(s);
}

static int add_text(struct parser *s, struct tpl_nodes *nodes, const char *end, bool trim_end)
{
	const char *start = s->p;
	if (s->trim_next)
		while (start < end && isspace((unsigned char)*start))
			start++;
	while (trim_end && end > start && isspace((unsigned char)end[-1]))
		end--;
	s->trim_next = false;
	if (start == end)
		return 0;
	struct tpl_node *node = array_grow(&nodes->items, &nodes->n, sizeof *node);
	if (!node)
		return crl_fail_oom(s->err);
	node->kind = TPL_TEXT;
	node->text = strndup(start, (size_t)(end - start));
	return node->text ? 0 : crl_fail_oom(s->err);
}

static int parse_nodes(struct parser *s, struct tpl_nodes *nodes, enum list_end *ret_end)
{
	bool stop = false;
	while (!stop) {
		const char *open = strstr(s->p, "{{");
		bool trim = open && open[2] == '-' && isspace((unsigned char)open[3]);
		const char *end = open ? open : s->p + strlen(s->p);
		if (add_text(s, nodes, end, trim) < 0)
			return -1;
		if (!open) {
			s->p = end;
			*ret_end = END_OF_TEXT;
			return 0;
		}
		s->p = open + (trim ? 3 : 2);
		if (parse_action(s, nodes, ret_end, &stop) < 0)
			return -1;
	}
	return 0;
}

int template_parse(const char *text, struct tpl **ret, struct crl_err *err)
{
	_cleanup_tpl_ struct tpl *t = calloc(1, sizeof *t);
	struct parser s = {.p = text, .err = err};
	enum list_end end;
	if (!t)
		return crl_fail_oom(err);
	if (parse_nodes(&s, &t->nodes, &end) < 0)
		return -1;
	if (end != END_OF_TEXT)
		return fail(&s, end == END_WORD ? "unexpected {{end}}" : "unexpected {{else}}");
	*ret = take_ptr(t);
	return 0;
}
