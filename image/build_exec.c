/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Executes a plan: stages in order, their steps one after the other, each
 * looked up in the cache first; says what it does in the words of docker's
 * classic builder, which clients show as they come.
 */
#include "build_exec.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/path.h>
#include <errno.h>
#include <stdlib.h>

void build_say(const struct build *b, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (!text.failed && text.len > 0)
		b->ops->say(b->ops->data, text.data, text.len);
}

/* --- .dockerignore --- */

static int ignore_read(struct build *b, const char *name, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (path_open_in_root(b->plan.options->context_fd, name, O_RDONLY | O_NONBLOCK, 0, &fd,
			      NULL) < 0)
		return 0;
	if (fd_read_all(fd, DOCKERIGNORE_MAX_SIZE, &text, &len, err) < 0)
		return crl_context(err, "%s", name);
	if (dockerignore_parse(name, text, len, &b->ignore, err) < 0)
		return -1;
	b->ignore_name = strdup(name);
	return b->ignore_name ? 0 : crl_fail_oom(err);
}

/* "<Dockerfile>.dockerignore" beats the common one completely. */
static int ignore_open(struct build *b, struct crl_err *err)
{
	_cleanup_free_ char *own = path_printf("%s.dockerignore", b->plan.options->dockerfile);

	if (!own)
		return crl_fail_oom(err);
	if (ignore_read(b, own, err) < 0)
		return -1;
	return b->ignore ? 0 : ignore_read(b, ".dockerignore", err);
}

/* --- layers of a stage --- */

static int add_layer(struct build_stage *s, const char *diff_id, const struct crl_descriptor *blob,
		     struct crl_err *err)
{
	struct build_layer *grown = realloc(s->layers, (s->n_layers + 1) * sizeof(*grown));

	if (!grown)
		return crl_fail_oom(err);
	s->layers = grown;
	struct build_layer *l = &s->layers[s->n_layers];
	*l = (struct build_layer){.diff_id = strdup(diff_id)};
	if (!l->diff_id)
		return crl_fail_oom(err);
	if (json_copy(&crl_descriptor_json, blob, &l->blob, err) < 0) {
		free(l->diff_id);
		return -1;
	}
	s->n_layers++;
	return 0;
}

static int layers_of_image(struct build *b, struct build_stage *s, struct crl_err *err)
{
	struct crl_manifest m = {0};
	char *const *ids = s->image.rootfs.diff_ids;
	size_t n = ids ? strv_len(ids) : 0;
	int r = 0;

	if (crl_store_load_manifest(b->store, s->base_manifest, &m, err) < 0)
		return -1;
	if (m.n_layers != n)
		r = crl_fail(err, CRL_IO, "image %s: manifest and config do not agree", s->base);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_layer(s, ids[i], &m.layers[i], err);
	json_free(&crl_manifest_json, &m);
	return r;
}

static void history_free(struct crl_image *img)
{
	struct crl_image only = {.history = take_ptr(img->history), .n_history = img->n_history};

	img->n_history = 0;
	json_free(&crl_image_json, &only);
}

/* The history of a base stage is known once it was built; the plan copied its config before. */
static int layers_of_stage(struct build *b, struct build_stage *s, struct crl_err *err)
{
	const struct build_stage *base = &b->plan.stages[s->base_stage];
	const struct crl_image only = {.history = base->image.history,
				       .n_history = base->image.n_history};
	struct crl_image copy = {0};

	for (size_t i = 0; i < base->n_layers; i++)
		if (add_layer(s, base->layers[i].diff_id, &base->layers[i].blob, err) < 0)
			return -1;
	if (json_copy(&crl_image_json, &only, &copy, err) < 0)
		return -1;
	history_free(&s->image);
	s->image.history = take_ptr(copy.history);
	s->image.n_history = copy.n_history;
	copy.n_history = 0;
	json_free(&crl_image_json, &copy);
	return 0;
}

static int start_stage(struct build *b, struct build_stage *s, struct crl_err *err)
{
	if (s->base_stage >= 0)
		return layers_of_stage(b, s, err);
	return s->scratch ? 0 : layers_of_image(b, s, err);
}

/* --- steps --- */

/* A short name for the state after a step: twelve digits that change when it does. */
static void state_name(const struct build_stage *s, const struct build_step *st, char ret[13])
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char hex[65] = "000000000000";

	for (size_t i = 0; i < s->n_layers; i++)
		buf_puts(&text, s->layers[i].diff_id);
	buf_puts(&text, st->created_by);
	if (!text.failed && text.data)
		ident_sha256(text.data, text.len, hex);
	snprintf(ret, 13, "%.12s", hex);
}

static void say_step(struct build *b, const struct build_step *st)
{
	if (st->trigger)
		build_say(b, "# Executing build trigger : %s\n", st->text);
	else
		build_say(b, "Step %zu/%zu : %s\n", ++b->step_no, b->plan.n_counted, st->text);
}

static void say_from(struct build *b, const struct build_stage *s, const struct build_step *st)
{
	char name[13] = "";

	if (s->base_stage >= 0)
		state_name(s, st, name);
	else if (!s->scratch)
		snprintf(name, sizeof(name), "%.12s", s->base_id + strlen("sha256:"));
	build_say(b, " ---> %s\n", name);
}

static int file_step(struct build *b, struct build_stage *s, struct build_step *st,
		     int64_t *created, struct crl_err *err)
{
	struct build_record r = {0};
	bool cached = false;

	if (build_step_exec(b, s, st, &r, &cached, err) < 0)
		return -1;
	if (cached)
		build_say(b, " ---> Using cache\n");
	*created = r.created;
	int ret = r.empty ? 0 : add_layer(s, r.diff_id, &r.blob, err);
	if (ret == 0)
		ret = build_history_add(s, st, r.created, r.empty, err);
	build_record_free(&r);
	return ret;
}

/* Where and what, with the source around it. A RUN's own failure keeps docker's exact sentence. */
static int step_error(struct build *b, const struct build_step *st, struct crl_err *err)
{
	if (b->run_status == 0)
		return dockerfile_error(&b->plan.df, st->insn, err);
	_cleanup_buf_ struct buf text = BUF_INIT;
	buf_printf(&text, "%s:%u: %s failed\n", b->plan.df.name, st->insn->first_line,
		   dockerfile_op_name(st->insn->op));
	dockerfile_excerpt(&b->plan.df, st->insn->first_line, st->insn->last_line, 2000, &text);
	if (!text.failed)
		b->ops->say(b->ops->data, text.data, text.len);
	return -1;
}

static int exec_step(struct build *b, struct build_stage *s, struct build_step *st, bool last,
		     int64_t *created, struct crl_err *err)
{
	char name[13];
	int r = 0;

	if (b->ops->cancelled && b->ops->cancelled(b->ops->data))
		return crl_fail(err, CRL_UNAVAILABLE, "the build was cancelled");
	say_step(b, st);
	if (st->kind == BUILD_FROM) {
		say_from(b, s, st);
		return 0;
	}
	if (st->kind == BUILD_CONFIG)
		r = build_history_add(s, st, *created, true, err);
	else
		r = file_step(b, s, st, created, err);
	if (r < 0)
		return step_error(b, st, err);
	state_name(s, st, name);
	if (!last) /* the last one is the image itself: its id is said when it is written */
		build_say(b, " ---> %s\n", name);
	return 0;
}

/* Metadata steps have the time of the files they describe. */
static int64_t base_time(const struct build *b, const struct build_stage *s)
{
	int64_t ns = 0;

	if (b->plan.epoch >= 0)
		return b->plan.epoch * 1000000000;
	for (size_t i = 0; i < s->image.n_history; i++)
		if (s->image.history[i].created)
			time_parse(s->image.history[i].created, 0, &ns);
	return ns;
}

static int exec_stage(struct build *b, struct build_stage *s, struct crl_err *err)
{
	if (start_stage(b, s, err) < 0)
		return dockerfile_error(&b->plan.df, s->from, err);
	int64_t created = base_time(b, s);
	for (size_t i = 0; i < s->n_steps; i++) {
		bool last = s == b->plan.target && i + 1 == s->n_steps && i > 0;
		if (exec_step(b, s, &s->steps[i], last, &created, err) < 0)
			return -1;
	}
	s->built = true;
	return 0;
}

static void say_global_args(struct build *b)
{
	const struct dockerfile *df = &b->plan.df;

	for (size_t i = 0; i < df->n_insns && df->insns[i].op == DF_ARG; i++)
		build_say(b, "Step %zu/%zu : %s\n", ++b->step_no, b->plan.n_counted,
			  df->insns[i].text);
}

static bool predefined_proxy(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && (strcasecmp(name + n - 6, "_proxy") == 0);
}

static void say_unused_args(const struct build *b)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	const struct strmap *args = &b->plan.options->args;

	for (size_t i = 0; i < args->n; i++)
		if (!strv_contains(b->plan.used_args, args->items[i].key) &&
		    !predefined_proxy(args->items[i].key) &&
		    !str_starts(args->items[i].key, "BUILDKIT_"))
			buf_printf(&names, "%s%s", names.len ? " " : "", args->items[i].key);
	if (names.len > 0 && !names.failed)
		build_say(b, "[Warning] One or more build-args [%s] were not consumed\n",
			  names.data);
}

static int run_plan(struct build *b, struct crl_build_result *ret, struct crl_err *err)
{
	say_global_args(b);
	for (size_t i = 0; i <= b->plan.target->index; i++)
		if (b->plan.stages[i].wanted && exec_stage(b, &b->plan.stages[i], err) < 0)
			return -1;
	if (build_image_finish(b, b->plan.target, ret, err) < 0)
		return -1;
	if (b->plan.target->n_steps > 1)
		build_say(b, " ---> %.12s\n", ret->id + strlen("sha256:"));
	say_unused_args(b);
	return 0;
}

int crl_build(const struct crl_build_options *options, const struct crl_build_ops *ops,
	      struct crl_build_result *ret, int *ret_run_status, struct crl_err *err)
{
	struct build b = {.store = options->store, .ops = ops, .cache_fd = -1};
	int r = build_plan_make(&b.plan, options, ops, err);

	if (r == 0)
		r = ignore_open(&b, err);
	if (r == 0)
		r = build_cache_open(&b, options->root, err);
	if (r == 0)
		r = run_plan(&b, ret, err);
	*ret_run_status = b.run_status;
	cleanup_close_p(&b.cache_fd);
	dockerignore_free(b.ignore);
	free(b.ignore_name);
	build_plan_free(&b.plan);
	return r;
}
