/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One stage of the plan: the scope of its variables, triggers of its base,
 * and its instructions as steps.
 */
#include "build_plan.h"

#include <stdlib.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Usable in RUN without an ARG, and then no part of key or history. */
static const char *const proxy_args[] = {
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
	"ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy",
};

const char *build_stage_get(const char *name, void *stage)
{
	const struct build_stage *s = stage;

	return strv_env_get(s->vars, name);
}

int build_stage_expand(struct build_plan *p, struct build_stage *s, const char *word, char **ret,
		       struct crl_err *err)
{
	const struct dockerfile_vars vars = {.get = build_stage_get, .data = s};

	return dockerfile_expand(word, p->df.escape, DOCKERFILE_EXPAND_WORD, &vars, ret, err);
}

struct build_step *build_stage_add(struct build_stage *s, enum build_kind kind,
				   const struct dockerfile_insn *at, const char *text,
				   struct crl_err *err)
{
	struct build_step *grown = realloc(s->steps, (s->n_steps + 1) * sizeof(*grown));

	if (!grown) {
		crl_fail_oom(err);
		return NULL;
	}
	s->steps = grown;
	struct build_step *st = &s->steps[s->n_steps];
	*st = (struct build_step){
		.kind = kind, .insn = at, .text = strdup(text), .created_by = strdup(text)};
	if (!st->text || !st->created_by) {
		free(st->text);
		free(st->created_by);
		crl_fail_oom(err);
		return NULL;
	}
	s->n_steps++;
	return st;
}

int build_check_flags(const struct dockerfile_insn *in, const char *const *known,
		      struct crl_err *err)
{
	for (size_t i = 0; i < in->n_flags; i++) {
		const char *name = in->flags[i].name;
		size_t n = 0;
		bool found = false;
		for (; known[n]; n++)
			found = found || str_eq(known[n], name);
		if (found)
			continue;
		const char *near = dockerfile_nearest(name, known, n);
		return crl_fail(err, CRL_INVALID, "unknown flag: --%s%s%s%s", name,
				near ? " (did you mean --" : "", near ? near : "",
				near ? "?)" : "");
	}
	return 0;
}

/* --- ARG --- */

static int set_var(struct build_stage *s, const char *name, const char *value, struct crl_err *err)
{
	_cleanup_free_ char *pair = NULL;

	if (asprintf(&pair, "%s=%s", name, value) < 0) {
		pair = NULL;
		return crl_fail_oom(err);
	}
	return strv_env_set(&s->vars, pair) < 0 ? crl_fail_oom(err) : 0;
}

static int arg_word(struct build_plan *p, struct build_stage *s, const char *word,
		    struct crl_err *err)
{
	const char *eq = strchr(word, '=');
	_cleanup_free_ char *raw = strndup(word, eq ? (size_t)(eq - word) : strlen(word));
	_cleanup_free_ char *name = NULL, *value = NULL;

	if (!raw)
		return crl_fail_oom(err);
	if (build_stage_expand(p, s, raw, &name, err) < 0)
		return -1;
	if (!strv_contains(p->used_args, name) && strv_push(&p->used_args, name) < 0)
		return crl_fail_oom(err);
	const char *found = strmap_get(&p->options->args, name);
	if (!found && eq) {
		if (build_stage_expand(p, s, eq + 1, &value, err) < 0)
			return -1;
		found = value;
	}
	if (!found)
		found = strmap_get(&p->global, name);
	if (!found)
		found = strmap_get(&p->predefined, name);
	return found ? set_var(s, name, found, err) : 0;
}

static int plan_arg(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		    struct crl_err *err)
{
	static const char *const none[] = {NULL};

	if (build_check_flags(in, none, err) < 0)
		return -1;
	for (size_t i = 0; in->args[i]; i++)
		if (arg_word(p, s, in->args[i], err) < 0)
			return -1;
	return 0;
}

/* --- RUN --- */

/* What the shell is given: the line, or the heredoc's body where the line is nothing else. */
static char *run_text(const struct dockerfile_insn *in)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (in->n_heredocs == 1 && !strpbrk(in->rest, " \t"))
		return strdup(in->heredocs[0].body);
	buf_puts(&out, in->rest);
	for (size_t i = 0; i < in->n_heredocs; i++)
		buf_printf(&out, "\n%s%s", in->heredocs[i].body, in->heredocs[i].name);
	return buf_take(&out);
}

static bool is_script(const struct dockerfile_insn *in)
{
	return in->n_heredocs == 1 && !strpbrk(in->rest, " \t") &&
	       str_starts(in->heredocs[0].body, "#!");
}

static int run_argv(struct build_stage *s, const struct dockerfile_insn *in, struct build_step *st,
		    struct crl_err *err)
{
	if (is_script(in)) {
		st->script = strdup(in->heredocs[0].body);
		if (!st->script || strv_push(&st->argv, CRL_BUILD_SCRIPT) < 0)
			return crl_fail_oom(err);
		return 0;
	}
	_cleanup_free_ char *text = run_text(in);
	if (!text)
		return crl_fail_oom(err);
	if (build_config_command(s, in, text, &st->argv, err) < 0)
		return -1;
	if (!st->argv[0])
		return crl_fail(err, CRL_INVALID, "an empty list runs nothing");
	return 0;
}

/* Variables that are in effect but not in the image's environment came from ARG. */
static int run_created_by(const struct build_stage *s, struct build_step *st, struct crl_err *err)
{
	_cleanup_buf_ struct buf args = BUF_INIT, out = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; s->vars && s->vars[i]; i++) {
		if (strv_contains(s->image.config.env, s->vars[i]))
			continue;
		buf_printf(&args, " %s", s->vars[i]);
		n++;
	}
	buf_puts(&out, "RUN ");
	if (n > 0)
		buf_printf(&out, "|%zu%s ", n, args.data);
	_cleanup_free_ char *line = strv_join(st->argv, " ");
	buf_puts(&out, line ? line : "");
	free(st->created_by);
	st->created_by = buf_take(&out);
	return st->created_by && line ? 0 : crl_fail_oom(err);
}

static int run_proxies(struct build_plan *p, const struct build_stage *s, struct build_step *st,
		       struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(proxy_args); i++) {
		const char *value = strmap_get(&p->options->args, proxy_args[i]);
		if (value && !strv_env_get(s->vars, proxy_args[i]) &&
		    strv_pushf(&st->proxy, "%s=%s", proxy_args[i], value) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

static int run_network(const struct dockerfile_insn *in, struct build_step *st, struct crl_err *err)
{
	bool present;
	const char *network = dockerfile_flag(in, "network", &present);

	if (!present)
		return 0;
	if (!str_eq(network, "default") && !str_eq(network, "none") && !str_eq(network, "host"))
		return crl_fail(err, CRL_INVALID, "--network is default, none or host, not \"%s\"",
				network ? network : "");
	st->network = strdup(network);
	return st->network ? 0 : crl_fail_oom(err);
}

static int plan_run(struct build_stage *s, struct build_plan *p, const struct dockerfile_insn *in,
		    struct build_step *st, struct crl_err *err)
{
	static const char *const known[] = {"network", NULL};
	const struct crl_image_config *c = &s->image.config;

	if (build_check_flags(in, known, err) < 0 || run_network(in, st, err) < 0 ||
	    run_argv(s, in, st, err) < 0 || run_created_by(s, st, err) < 0 ||
	    run_proxies(p, s, st, err) < 0)
		return -1;
	st->env = strv_copy(s->vars);
	st->user = c->user ? strdup(c->user) : NULL;
	st->cwd = build_path_join(c->working_dir, "");
	return (s->vars && !st->env) || (c->user && !st->user) || !st->cwd ? crl_fail_oom(err) : 0;
}

/* --- instructions --- */

static int plan_workdir(struct build_plan *p, struct build_stage *s,
			const struct dockerfile_insn *in, struct build_step *st,
			struct crl_err *err)
{
	static const char *const known[] = {NULL};
	_cleanup_free_ char *path = NULL;

	if (build_check_flags(in, known, err) < 0 ||
	    build_stage_expand(p, s, in->args[0], &path, err) < 0)
		return -1;
	char *full = build_path_join(s->image.config.working_dir, path);
	if (!full)
		return crl_fail_oom(err);
	free(s->image.config.working_dir);
	s->image.config.working_dir = full;
	st->path = strdup(full);
	return st->path ? 0 : crl_fail_oom(err);
}

static enum build_kind kind_of(enum dockerfile_op op)
{
	if (op == DF_RUN)
		return BUILD_RUN;
	if (op == DF_COPY || op == DF_ADD)
		return BUILD_COPY;
	return op == DF_WORKDIR ? BUILD_WORKDIR : BUILD_CONFIG;
}

static int plan_insn(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		     const struct dockerfile_insn *at, struct crl_err *err)
{
	enum build_kind kind = kind_of(in->op);
	struct build_step *st = build_stage_add(s, kind, at, in->text, err);

	if (!st)
		return -1;
	st->trigger = in != at;
	st->counted = !st->trigger;
	p->n_counted += st->counted;
	if (kind == BUILD_RUN)
		return plan_run(s, p, in, st, err);
	if (kind == BUILD_COPY)
		return build_copy_plan(p, s, in, &st->copy, err);
	if (kind == BUILD_WORKDIR)
		return plan_workdir(p, s, in, st, err);
	if (in->op == DF_ARG)
		return plan_arg(p, s, in, err);
	return build_config_apply(p, s, in, err);
}

static int plan_trigger(struct build_plan *p, struct build_stage *s, const char *text,
			struct crl_err *err)
{
	struct dockerfile_insn in;

	if (dockerfile_parse_line(text, p->df.escape, &in, err) < 0)
		return crl_context(err, "trigger \"%s\"", text);
	int r = plan_insn(p, s, &in, s->from, err);
	dockerfile_insn_free(&in);
	return r < 0 ? crl_context(err, "trigger \"%s\"", text) : 0;
}

/* Triggers of the base run right after FROM and are not handed on. */
static int plan_triggers(struct build_plan *p, struct build_stage *s, struct crl_err *err)
{
	_cleanup_strv_ char **triggers = take_ptr(s->image.config.on_build);

	for (size_t i = 0; triggers && triggers[i]; i++)
		if (plan_trigger(p, s, triggers[i], err) < 0)
			return dockerfile_error(&p->df, s->from, err);
	return 0;
}

/* The environment of the base, then PATH where it lacks one. */
static int start_scope(struct build_stage *s, struct crl_err *err)
{
	struct crl_image_config *c = &s->image.config;

	if (!strv_env_get(c->env, "PATH") && strv_push(&c->env, "PATH=" DEFAULT_PATH) < 0)
		return crl_fail_oom(err);
	for (size_t i = 0; s->base_stage < 0 && c->env[i]; i++)
		if (strv_env_set(&s->vars, c->env[i]) < 0)
			return crl_fail_oom(err);
	return 0;
}

int build_stage_plan(struct build_plan *p, struct build_stage *s, struct crl_err *err)
{
	if (start_scope(s, err) < 0)
		return -1;
	struct build_step *st = build_stage_add(s, BUILD_FROM, s->from, s->from->text, err);
	if (!st)
		return -1;
	st->counted = true;
	p->n_counted++;
	if (plan_triggers(p, s, err) < 0)
		return -1;
	for (size_t i = s->first; i < s->last; i++)
		if (plan_insn(p, s, &p->df.insns[i], &p->df.insns[i], err) < 0)
			return dockerfile_error(&p->df, &p->df.insns[i], err);
	return 0;
}
