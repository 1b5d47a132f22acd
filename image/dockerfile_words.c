/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands inside one Dockerfile instruction: the keyword, flags, words,
 * JSON arrays, name=value pairs, heredoc markers. Text is only cut here;
 * variables are expanded later (dockerfile_expand.c).
 */
#include "dockerfile.h"

#include <base/json.h>
#include <ctype.h>
#include <stdlib.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\n';
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

void dockerfile_split_insn(const char *line, char *word, size_t word_size, const char **ret_rest)
{
	size_t n = 0;

	line = skip_blanks(line);
	while (*line && !is_blank(*line)) {
		if (n + 1 < word_size)
			word[n++] = *line;
		line++;
	}
	word[n] = 0;
	*ret_rest = line;
}

/*
 * Copies one word from *s into `out` as written. Quotes keep blanks inside; the
 * escape character keeps the next one, except within single quotes.
 */
static void take_word(const char **s, char escape, struct buf *out)
{
	char quote = 0;
	const char *p = *s;

	for (; *p && (quote || !is_blank(*p)); p++) {
		if (*p == escape && quote != '\'' && p[1]) {
			buf_putc(out, *p++);
		} else if (quote) {
			if (*p == quote)
				quote = 0;
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		}
		buf_putc(out, *p);
	}
	*s = p;
}

int dockerfile_split_words(const char *text, char escape, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **words = NULL;

	for (text = skip_blanks(text); *text; text = skip_blanks(text)) {
		_cleanup_buf_ struct buf word = BUF_INIT;
		take_word(&text, escape, &word);
		char *w = buf_take(&word);
		if (!w || strv_take(&words, w) < 0)
			return crl_fail_oom(err);
	}
	if (!words) {
		words = calloc(1, sizeof(*words));
		if (!words)
			return crl_fail_oom(err);
	}
	*ret = take_ptr(words);
	return 0;
}

/* --- flags --- */

static int flag_add(struct dockerfile_insn *in, const char *word, struct crl_err *err)
{
	const char *eq = strchr(word, '=');
	_cleanup_free_ char *name =
		strndup(word + 2, eq ? (size_t)(eq - word - 2) : strlen(word + 2));
	_cleanup_free_ char *value = eq ? strdup(eq + 1) : NULL;

	if (!name || (eq && !value))
		return crl_fail_oom(err);
	/* Only --exclude may be given more than once. */
	bool present;
	dockerfile_flag(in, name, &present);
	if (present && !str_eq(name, "exclude"))
		return crl_fail(err, CRL_INVALID, "duplicate flag: --%s", name);
	struct dockerfile_flag *grown = realloc(in->flags, (in->n_flags + 1) * sizeof(*grown));
	if (!grown)
		return crl_fail_oom(err);
	in->flags = grown;
	in->flags[in->n_flags++] =
		(struct dockerfile_flag){.name = take_ptr(name), .value = take_ptr(value)};
	return 0;
}

/* Takes quotes and escapes off a flag word. */
static char *flag_unquote(const char *s, char escape)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	char quote = 0;

	for (; *s; s++) {
		if (*s == escape && s[1] && quote != '\'')
			buf_putc(&out, *++s);
		else if (quote && *s == quote)
			quote = 0;
		else if (!quote && (*s == '"' || *s == '\''))
			quote = *s;
		else
			buf_putc(&out, *s);
	}
	return buf_take(&out);
}

int dockerfile_take_flags(const char **text, char escape, struct dockerfile_insn *in,
			  struct crl_err *err)
{
	const char *s = skip_blanks(*text);

	while (s[0] == '-' && s[1] == '-') {
		_cleanup_buf_ struct buf word = BUF_INIT;
		take_word(&s, escape, &word);
		_cleanup_free_ char *raw = buf_take(&word);
		_cleanup_free_ char *plain = raw ? flag_unquote(raw, escape) : NULL;
		if (!plain)
			return crl_fail_oom(err);
		s = skip_blanks(s);
		if (str_eq(plain, "--"))
			break;
		if (!str_starts(plain, "--")) /* "--" was quoted away: an ordinary word */
			return crl_fail(err, CRL_INVALID, "bad flag: %s", raw);
		if (flag_add(in, plain, err) < 0)
			return -1;
	}
	*text = s;
	return 0;
}

const char *dockerfile_flag(const struct dockerfile_insn *in, const char *name, bool *ret_present)
{
	for (size_t i = 0; i < in->n_flags; i++) {
		if (str_eq(in->flags[i].name, name)) {
			if (ret_present)
				*ret_present = true;
			return in->flags[i].value;
		}
	}
	if (ret_present)
		*ret_present = false;
	return NULL;
}

/* --- exec form --- */

int dockerfile_json_words(const char *text, char ***ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	_cleanup_strv_ char **words = calloc(1, sizeof(*words));
	const cJSON *item;

	if (!words)
		return crl_fail_oom(err);
	text = skip_blanks(text);
	if (*text != '[' || json_parse(text, strlen(text), DOCKERFILE_MAX_SIZE, &tree, NULL) < 0)
		return 0;
	cJSON_ArrayForEach (item, tree) {
		if (!cJSON_IsString(item))
			return crl_fail(err, CRL_INVALID,
					"a JSON array here must be made of strings only");
		if (strv_push(&words, item->valuestring) < 0)
			return crl_fail_oom(err);
	}
	*ret = take_ptr(words);
	return 1;
}

/* --- heredocs --- */

static int heredoc_add(struct dockerfile_insn *in, const char *marker, bool chomp, char escape,
		       struct crl_err *err)
{
	_cleanup_free_ char *name = flag_unquote(marker, escape);

	if (!name)
		return crl_fail_oom(err);
	if (!*name)
		return crl_fail(err, CRL_INVALID, "a heredoc needs a word after <<");
	struct dockerfile_heredoc *grown =
		realloc(in->heredocs, (in->n_heredocs + 1) * sizeof(*grown));
	if (!grown)
		return crl_fail_oom(err);
	in->heredocs = grown;
	in->heredocs[in->n_heredocs++] = (struct dockerfile_heredoc){
		.expand = str_eq(name, marker), .chomp = chomp, .name = name};
	name = NULL;
	return 0;
}

/* "<<EOF", "<<-'EOF'", "3<<EOF"; *ret_word points behind the marker, NULL when it is none. */
static void heredoc_marker(const char *word, const char **ret_word, bool *ret_chomp)
{
	*ret_word = NULL;
	while (isdigit((unsigned char)*word))
		word++;
	if (word[0] != '<' || word[1] != '<')
		return;
	word += 2;
	*ret_chomp = *word == '-';
	word += *ret_chomp;
	if (*word && !strchr(word, '<'))
		*ret_word = word;
}

bool dockerfile_is_heredoc(const char *word)
{
	const char *marker;
	bool chomp;

	heredoc_marker(word, &marker, &chomp);
	return marker;
}

int dockerfile_find_heredocs(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	_cleanup_strv_ char **words = NULL, **json = NULL;
	bool trigger = in->op == DF_ONBUILD;

	if (in->op != DF_RUN && in->op != DF_COPY && in->op != DF_ADD && !trigger)
		return 0;
	if (!strstr(in->rest, "<<"))
		return 0;
	if (dockerfile_json_words(in->rest, &json, NULL) > 0)
		return 0;
	/* The words of a heredoc follow the shell, whose escape is always the backslash. */
	if (dockerfile_split_words(in->rest, '\\', &words, err) < 0)
		return -1;
	for (size_t i = 0; words[i]; i++) {
		const char *marker;
		bool chomp = false;
		heredoc_marker(words[i], &marker, &chomp);
		if (!marker)
			continue;
		if (trigger)
			return crl_fail(err, CRL_INVALID,
					"a heredoc cannot be stored as a trigger");
		if (heredoc_add(in, marker, chomp, '\\', err) < 0)
			return -1;
	}
	return 0;
}

/* --- grammars of the arguments --- */

typedef int (*args_parser)(struct dockerfile_insn *in, char escape, struct crl_err *err);

static int need_rest(struct dockerfile_insn *in, struct crl_err *err)
{
	if (!*in->rest)
		return crl_fail(err, CRL_INVALID, "%s requires at least one argument",
				dockerfile_op_name(in->op));
	return 0;
}

static int args_string(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	if (!*in->rest)
		return crl_fail(err, CRL_INVALID, "%s requires exactly one argument",
				dockerfile_op_name(in->op));
	return strv_push(&in->args, in->rest) < 0 ? crl_fail_oom(err) : 0;
}

/* Exec form, else the rest as one string; an empty rest is an empty list. */
static int args_command(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	int r = dockerfile_json_words(in->rest, &in->args, err);

	if (r < 0)
		return -1;
	in->exec_form = r > 0;
	if (r == 0 && strv_push(&in->args, in->rest) < 0)
		return crl_fail_oom(err);
	return 0;
}

static int args_run(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	return need_rest(in, err) < 0 ? -1 : args_command(in, escape, err);
}

static int args_blanks(struct dockerfile_insn *in, struct crl_err *err)
{
	in->args = strv_split(in->rest, " \t\r\v\f", false);
	return in->args ? 0 : crl_fail_oom(err);
}

static int args_json_or_words(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	if (need_rest(in, err) < 0)
		return -1;
	int r = dockerfile_json_words(in->rest, &in->args, err);
	if (r < 0)
		return -1;
	in->exec_form = r > 0;
	return r > 0 ? 0 : args_blanks(in, err);
}

static int args_copy(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	if (args_json_or_words(in, escape, err) < 0)
		return -1;
	if (strv_len(in->args) < 2)
		return crl_fail(err, CRL_INVALID,
				"%s requires at least two arguments: a source and a destination",
				dockerfile_op_name(in->op));
	return 0;
}

static int args_words(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	return need_rest(in, err) < 0 ? -1 : args_blanks(in, err);
}

static int args_shell(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	int r = dockerfile_json_words(in->rest, &in->args, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return crl_fail(
			err, CRL_INVALID,
			"SHELL requires the arguments to be in JSON form: [\"/bin/sh\", \"-c\"]");
	if (!in->args[0])
		return crl_fail(err, CRL_INVALID, "SHELL requires at least one argument");
	in->exec_form = true;
	return 0;
}

/* The old form "ENV name the rest of the line". */
static int args_legacy_pair(struct dockerfile_insn *in, struct crl_err *err)
{
	const char *s = in->rest;
	size_t n = 0;

	while (s[n] && !is_blank(s[n]))
		n++;
	if (!*skip_blanks(s + n))
		return crl_fail(err, CRL_INVALID, "%s must have two arguments: name=value",
				dockerfile_op_name(in->op));
	if (strv_take(&in->args, strndup(s, n)) < 0 || strv_push(&in->args, skip_blanks(s + n)) < 0)
		return crl_fail_oom(err);
	return 0;
}

static int args_pairs(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	_cleanup_strv_ char **words = NULL;

	if (need_rest(in, err) < 0 || dockerfile_split_words(in->rest, escape, &words, err) < 0)
		return -1;
	if (!strchr(words[0], '='))
		return args_legacy_pair(in, err);
	for (size_t i = 0; words[i]; i++) {
		const char *eq = strchr(words[i], '=');
		if (!eq)
			return crl_fail(err, CRL_INVALID, "no = in \"%s\": the form is name=value",
					words[i]);
		if (eq == words[i])
			return crl_fail(err, CRL_INVALID, "%s names can not be blank",
					dockerfile_op_name(in->op));
		if (strv_take(&in->args, strndup(words[i], (size_t)(eq - words[i]))) < 0 ||
		    strv_push(&in->args, eq + 1) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

static int args_arg(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	if (need_rest(in, err) < 0 || dockerfile_split_words(in->rest, escape, &in->args, err) < 0)
		return -1;
	for (size_t i = 0; in->args[i]; i++)
		if (in->args[i][0] == '=')
			return crl_fail(err, CRL_INVALID, "ARG names can not be blank");
	return 0;
}

static int args_from(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	if (args_blanks(in, err) < 0)
		return -1;
	size_t n = strv_len(in->args);
	if (n != 1 && n != 3)
		return crl_fail(
			err, CRL_INVALID,
			"FROM requires either one or three arguments: FROM image [AS name]");
	if (n == 3 && strcasecmp(in->args[1], "as") != 0)
		return crl_fail(err, CRL_INVALID, "second argument of FROM must be AS, not \"%s\"",
				in->args[1]);
	return 0;
}

/* args: "NONE", or "CMD" and its exec or shell form. */
static int args_healthcheck(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	char type[16];
	const char *rest;

	if (need_rest(in, err) < 0)
		return -1;
	dockerfile_split_insn(in->rest, type, sizeof(type), &rest);
	rest = skip_blanks(rest);
	if (strcasecmp(type, "NONE") == 0) {
		if (*rest)
			return crl_fail(err, CRL_INVALID, "HEALTHCHECK NONE takes no arguments");
		return strv_push(&in->args, "NONE") < 0 ? crl_fail_oom(err) : 0;
	}
	if (strcasecmp(type, "CMD") != 0)
		return crl_fail(err, CRL_INVALID,
				"unknown type \"%s\" in HEALTHCHECK (try CMD or NONE)", type);
	if (!*rest)
		return crl_fail(err, CRL_INVALID, "missing command after HEALTHCHECK CMD");
	_cleanup_strv_ char **words = NULL;
	int r = dockerfile_json_words(rest, &words, err);
	if (r < 0)
		return -1;
	in->exec_form = r > 0;
	if (strv_push(&in->args, "CMD") < 0 || (r == 0 && strv_push(&in->args, rest) < 0))
		return crl_fail_oom(err);
	for (size_t i = 0; r > 0 && words[i]; i++)
		if (strv_push(&in->args, words[i]) < 0)
			return crl_fail_oom(err);
	return 0;
}

static int args_onbuild(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	struct dockerfile_insn trigger;

	if (args_string(in, escape, err) < 0 ||
	    dockerfile_parse_line(in->rest, escape, &trigger, err) < 0)
		return -1;
	enum dockerfile_op op = trigger.op;
	dockerfile_insn_free(&trigger);
	if (op == DF_ONBUILD)
		return crl_fail(err, CRL_INVALID,
				"chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (op == DF_FROM || op == DF_MAINTAINER)
		return crl_fail(err, CRL_INVALID, "%s isn't allowed as an ONBUILD trigger",
				dockerfile_op_name(op));
	return 0;
}

static const struct {
	const char *name;
	args_parser parse;
} ops[DF_OP_COUNT] = {
	[DF_ADD] = {"ADD", args_copy},
	[DF_ARG] = {"ARG", args_arg},
	[DF_CMD] = {"CMD", args_command},
	[DF_COPY] = {"COPY", args_copy},
	[DF_ENTRYPOINT] = {"ENTRYPOINT", args_command},
	[DF_ENV] = {"ENV", args_pairs},
	[DF_EXPOSE] = {"EXPOSE", args_words},
	[DF_FROM] = {"FROM", args_from},
	[DF_HEALTHCHECK] = {"HEALTHCHECK", args_healthcheck},
	[DF_LABEL] = {"LABEL", args_pairs},
	[DF_MAINTAINER] = {"MAINTAINER", args_string},
	[DF_ONBUILD] = {"ONBUILD", args_onbuild},
	[DF_RUN] = {"RUN", args_run},
	[DF_SHELL] = {"SHELL", args_shell},
	[DF_STOPSIGNAL] = {"STOPSIGNAL", args_string},
	[DF_USER] = {"USER", args_string},
	[DF_VOLUME] = {"VOLUME", args_json_or_words},
	[DF_WORKDIR] = {"WORKDIR", args_string},
};

int dockerfile_parse_args(struct dockerfile_insn *in, char escape, struct crl_err *err)
{
	return ops[in->op].parse(in, escape, err);
}

const char *dockerfile_op_name(enum dockerfile_op op)
{
	return op < DF_OP_COUNT ? ops[op].name : "";
}

bool dockerfile_op_parse(const char *word, size_t len, enum dockerfile_op *ret)
{
	for (unsigned i = 0; i < DF_OP_COUNT; i++) {
		if (strlen(ops[i].name) == len && strncasecmp(ops[i].name, word, len) == 0) {
			*ret = (enum dockerfile_op)i;
			return true;
		}
	}
	return false;
}

const char *dockerfile_nearest_op(const char *word)
{
	const char *names[DF_OP_COUNT];

	for (unsigned i = 0; i < DF_OP_COUNT; i++)
		names[i] = ops[i].name;
	return dockerfile_nearest(word, names, DF_OP_COUNT);
}
