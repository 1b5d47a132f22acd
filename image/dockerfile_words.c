/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands inside one Dockerfile instruction: the keyword, flags, words,
 * JSON arrays, heredoc markers. Text is only cut here (dockerfile_args.c: what it means);
 * variables are expanded later (dockerfile_expand.c).
 */
#include "dockerfile.h"

#include <base/json.h>
#include <ctype.h>
#include <stdlib.h>

bool dockerfile_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\n';
}

const char *dockerfile_skip_blanks(const char *s)
{
	while (dockerfile_is_blank(*s))
		s++;
	return s;
}

void dockerfile_split_insn(const char *line, char *word, size_t word_size, const char **ret_rest)
{
	size_t n = 0;

	line = dockerfile_skip_blanks(line);
	while (*line && !dockerfile_is_blank(*line)) {
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

	for (; *p && (quote || !dockerfile_is_blank(*p)); p++) {
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

	for (text = dockerfile_skip_blanks(text); *text; text = dockerfile_skip_blanks(text)) {
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
	const char *s = dockerfile_skip_blanks(*text);

	while (s[0] == '-' && s[1] == '-') {
		_cleanup_buf_ struct buf word = BUF_INIT;
		take_word(&s, escape, &word);
		_cleanup_free_ char *raw = buf_take(&word);
		_cleanup_free_ char *plain = raw ? flag_unquote(raw, escape) : NULL;
		if (!plain)
			return crl_fail_oom(err);
		s = dockerfile_skip_blanks(s);
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
	text = dockerfile_skip_blanks(text);
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
