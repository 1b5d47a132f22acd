/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options in the manner of docker (pflag): --name value, --name=value, -n
 * value, -nvalue, -n=value, -dit. Owns the parse result; knows no command.
 */
#include <cli/opt.h>

#include <base/word.h>

#include <assert.h>
#include <ctype.h>

static const struct opt_spec *resolve(const struct opt_spec *specs, size_t n,
				      const struct opt_spec *s)
{
	if (!s || !s->alias_of)
		return s;
	for (size_t i = 0; i < n; i++)
		if (str_eq(specs[i].name, s->alias_of))
			return &specs[i];
	return NULL;
}

static const struct opt_spec *find_name(const struct opt_spec *specs, size_t n, const char *name,
					size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(specs[i].name) == len && strncmp(specs[i].name, name, len) == 0)
			return resolve(specs, n, &specs[i]);
	return NULL;
}

static const struct opt_spec *find_letter(const struct opt_spec *specs, size_t n, char letter)
{
	for (size_t i = 0; i < n; i++)
		if (specs[i].letter && specs[i].letter == letter)
			return resolve(specs, n, &specs[i]);
	return NULL;
}

const char *opt_nearest(const char *word, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	size_t best_distance = strlen(word) > 4 ? 3 : 2;
	for (size_t i = 0; i < n; i++) {
		size_t d = word_distance(word, candidates[i]);
		if (d < best_distance) {
			best = candidates[i];
			best_distance = d;
		}
	}
	return best;
}

static int unknown_name(const struct opt_spec *specs, size_t n, const char *name, size_t len,
			struct crl_err *err)
{
	_cleanup_free_ char *word = strndup(name, len);
	_cleanup_free_ const char **names = calloc(n + 1, sizeof *names);
	if (!word || !names)
		return crl_fail_oom(err);
	for (size_t i = 0; i < n; i++)
		names[i] = specs[i].name;
	const char *near = opt_nearest(word, names, n);
	if (near)
		return crl_fail(err, CRL_INVALID, "unknown flag: --%s (did you mean --%s?)", word,
				near);
	return crl_fail(err, CRL_INVALID, "unknown flag: --%s", word);
}

static bool parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (str_eq(text, yes[i]) || str_eq(text, no[i])) {
			*ret = str_eq(text, yes[i]);
			return true;
		}
	}
	return false;
}

static int store(struct opts *o, const struct opt_spec *spec, const char *text, struct crl_err *err)
{
	struct opt_value *v = &o->values[spec - o->specs];
	bool b = false;
	int64_t n;
	if (spec->kind == OPT_BOOL && !parse_bool(text, &b))
		return crl_fail(err, CRL_INVALID,
				"invalid argument \"%s\" for \"--%s\" flag: not true or false",
				text, spec->name);
	if (spec->kind == OPT_INT && !str_to_i64(text, &n))
		return crl_fail(err, CRL_INVALID,
				"invalid argument \"%s\" for \"--%s\" flag: not an integer", text,
				spec->name);
	v->set = true;
	if (spec->kind == OPT_LIST)
		return strv_push(&v->list, text) < 0 ? crl_fail_oom(err) : 0;
	char *copy = strdup(spec->kind == OPT_BOOL ? (b ? "true" : "false") : text);
	if (!copy)
		return crl_fail_oom(err);
	free(v->str);
	v->str = copy;
	return 0;
}

struct scan {
	int argc, i;
	char *const *argv;
	bool help;
};

static int scan_long(struct opts *o, struct scan *s, struct crl_err *err)
{
	const char *name = s->argv[s->i] + 2;
	const char *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	if (len == 4 && strncmp(name, "help", 4) == 0) {
		s->help = true;
		return 0;
	}
	const struct opt_spec *spec = find_name(o->specs, o->n_specs, name, len);
	if (!spec)
		return unknown_name(o->specs, o->n_specs, name, len, err);
	if (eq)
		return store(o, spec, eq + 1, err);
	if (spec->kind == OPT_BOOL)
		return store(o, spec, "true", err);
	if (s->i + 1 >= s->argc)
		return crl_fail(err, CRL_INVALID, "flag needs an argument: --%s", spec->name);
	return store(o, spec, s->argv[++s->i], err);
}

static int scan_letters(struct opts *o, struct scan *s, struct crl_err *err)
{
	const char *word = s->argv[s->i] + 1;
	for (const char *p = word; *p; p++) {
		const struct opt_spec *spec = find_letter(o->specs, o->n_specs, *p);
		if (!spec && *p == 'h') {
			s->help = true;
			return 0;
		}
		if (!spec)
			return crl_fail(err, CRL_INVALID, "unknown shorthand flag: '%c' in -%s", *p,
					word);
		if (p[1] == '=')
			return store(o, spec, p + 2, err);
		if (spec->kind == OPT_BOOL) {
			if (store(o, spec, "true", err) < 0)
				return -1;
			continue;
		}
		if (p[1])
			return store(o, spec, p + 1, err);
		if (s->i + 1 >= s->argc)
			return crl_fail(err, CRL_INVALID, "flag needs an argument: '%c' in -%s", *p,
					word);
		return store(o, spec, s->argv[++s->i], err);
	}
	return 0;
}

static int add_arg(struct opts *o, const char *arg, struct crl_err *err)
{
	if (strv_push(&o->args, arg) < 0)
		return crl_fail_oom(err);
	o->n_args++;
	return 0;
}

static int scan_all(struct opts *o, struct scan *s, bool stop_at_arg, struct crl_err *err)
{
	bool only_args = false;
	for (; s->i < s->argc && !s->help; s->i++) {
		const char *word = s->argv[s->i];
		int r;
		if (only_args || word[0] != '-' || !word[1]) {
			r = add_arg(o, word, err);
			only_args = only_args || stop_at_arg;
		} else if (str_eq(word, "--")) {
			only_args = true;
			r = 0;
		} else if (word[1] == '-') {
			r = scan_long(o, s, err);
		} else {
			r = scan_letters(o, s, err);
		}
		if (r < 0)
			return -1;
	}
	return 0;
}

int opt_parse(const struct opt_spec *specs, size_t n_specs, int argc, char *const *argv,
	      bool stop_at_arg, struct opts *ret, bool *ret_help, struct crl_err *err)
{
	_cleanup_opts_ struct opts o = {.specs = specs, .n_specs = n_specs};
	struct scan s = {.argc = argc, .i = 1, .argv = argv};
	o.values = calloc(n_specs + 1, sizeof *o.values);
	o.args = calloc(1, sizeof *o.args);
	if (!o.values || !o.args)
		return crl_fail_oom(err);
	if (scan_all(&o, &s, stop_at_arg, err) < 0)
		return -1;
	*ret_help = s.help;
	*ret = o;
	o = (struct opts){0};
	return 0;
}

void opt_free(struct opts *o)
{
	for (size_t i = 0; o->values && i < o->n_specs; i++) {
		free(o->values[i].str);
		strv_free(o->values[i].list);
	}
	free(o->values);
	strv_free(o->args);
	*o = (struct opts){0};
}

static const struct opt_value *value_of(const struct opts *o, const char *name,
					const struct opt_spec **ret_spec)
{
	const struct opt_spec *spec = find_name(o->specs, o->n_specs, name, strlen(name));
	assert(spec);
	*ret_spec = spec;
	return &o->values[spec - o->specs];
}

bool opt_known(const struct opts *o, const char *name)
{
	return find_name(o->specs, o->n_specs, name, strlen(name)) != NULL;
}

bool opt_set(const struct opts *o, const char *name)
{
	const struct opt_spec *spec;
	return value_of(o, name, &spec)->set;
}

const char *opt_str(const struct opts *o, const char *name)
{
	const struct opt_spec *spec;
	const struct opt_value *v = value_of(o, name, &spec);
	return v->set ? v->str : spec->def;
}

bool opt_bool(const struct opts *o, const char *name)
{
	return str_eq(opt_str(o, name), "true");
}

int64_t opt_int(const struct opts *o, const char *name)
{
	const char *s = opt_str(o, name);
	int64_t n = 0;
	if (s)
		(void)str_to_i64(s, &n);
	return n;
}

char *const *opt_list(const struct opts *o, const char *name)
{
	const struct opt_spec *spec;
	return value_of(o, name, &spec)->list;
}

#define HELP_WIDTH 100

/* Wraps `text` at words into a column that starts at `indent`. */
static void wrap(struct buf *out, const char *text, size_t indent)
{
	size_t column = indent;
	const char *p = text;
	while (*p) {
		size_t len = strcspn(p, " ");
		if (column > indent && column + len + 1 > HELP_WIDTH) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			buf_putc(out, ' ');
			column++;
		}
		buf_add(out, p, len);
		column += len;
		p += len;
		p += strspn(p, " ");
	}
	buf_putc(out, '\n');
}

static size_t left_width(const struct opt_spec *s)
{
	return 6 + 2 + strlen(s->name) + (s->arg ? 1 + strlen(s->arg) : 0);
}

void opt_help(const struct opt_spec *specs, size_t n_specs, struct buf *out)
{
	size_t width = 0;
	for (size_t i = 0; i < n_specs; i++)
		if (specs[i].help && left_width(&specs[i]) > width)
			width = left_width(&specs[i]);
	if (!width)
		return;
	buf_puts(out, "\nOptions:\n");
	for (size_t i = 0; i < n_specs; i++) {
		const struct opt_spec *s = &specs[i];
		_cleanup_buf_ struct buf text = BUF_INIT;
		if (!s->help)
			continue;
		buf_puts(&text, s->help);
		if (s->def && !(s->kind == OPT_BOOL && str_eq(s->def, "false")))
			buf_printf(&text, " (default %s)", s->def);
		if (s->letter)
			buf_printf(out, "  -%c, --%s", s->letter, s->name);
		else
			buf_printf(out, "      --%s", s->name);
		if (s->arg)
			buf_printf(out, " %s", s->arg);
		buf_printf(out, "%*s", (int)(width - left_width(s) + 3), "");
		wrap(out, text.failed || !text.data ? s->help : text.data, width + 3);
	}
}
