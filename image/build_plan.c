/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dockerfile -> plan: global arguments, stages, which of them the target
 * needs, and their bases. Runs nothing and writes nothing.
 */
#include "build_plan.h"

#include <base/fd.h>
#include <base/path.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>

static int at(const struct build_plan *p, const struct dockerfile_insn *in, struct crl_err *err)
{
	return dockerfile_error(&p->df, in, err);
}

/* --- global scope --- */

static const char *global_get(const char *name, void *data)
{
	const struct build_plan *p = data;
	const char *v = strmap_get(&p->global, name);

	return v ? v : strmap_get(&p->predefined, name);
}

static int mark_used(struct build_plan *p, const char *name, struct crl_err *err)
{
	if (!strv_contains(p->used_args, name) && strv_push(&p->used_args, name) < 0)
		return crl_fail_oom(err);
	return 0;
}

static int global_arg_word(struct build_plan *p, const char *word, struct crl_err *err)
{
	const struct dockerfile_vars vars = {.get = global_get, .data = p};
	const char *eq = strchr(word, '=');
	_cleanup_free_ char *name = strndup(word, eq ? (size_t)(eq - word) : strlen(word));
	_cleanup_free_ char *value = NULL;

	if (!name || mark_used(p, name, err) < 0)
		return name ? -1 : crl_fail_oom(err);
	const char *given = strmap_get(&p->options->args, name);
	if (!given && !eq)
		return 0;
	if (!given &&
	    dockerfile_expand(eq + 1, p->df.escape, DOCKERFILE_EXPAND_WORD, &vars, &value, err) < 0)
		return -1;
	return strmap_set(&p->global, name, given ? given : value) < 0 ? crl_fail_oom(err) : 0;
}

static int global_args(struct build_plan *p, struct crl_err *err)
{
	for (size_t i = 0; i < p->df.n_insns && p->df.insns[i].op == DF_ARG; i++) {
		const struct dockerfile_insn *in = &p->df.insns[i];
		for (size_t j = 0; in->args[j]; j++)
			if (global_arg_word(p, in->args[j], err) < 0)
				return at(p, in, err);
		p->n_counted++;
	}
	return 0;
}

/* Go's name of the machine. */
static const char *machine_arch(void)
{
	static const char *const names[][2] = {
		{"x86_64", "amd64"},    {"aarch64", "arm64"},   {"armv7l", "arm"},  {"i686", "386"},
		{"riscv64", "riscv64"}, {"ppc64le", "ppc64le"}, {"s390x", "s390x"},
	};
	struct utsname u;

	if (uname(&u) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (str_eq(names[i][0], u.machine))
				return names[i][1];
	return "amd64";
}

/* "os/arch[/variant]" under a prefix: TARGETPLATFORM, TARGETOS, ... */
static int predefine(struct build_plan *p, const char *prefix, const char *platform)
{
	static const char *const part_names[] = {"OS", "ARCH", "VARIANT"};
	_cleanup_strv_ char **parts = strv_split(platform, "/", true);
	size_t n = parts ? strv_len(parts) : 0;
	int r = parts ? 0 : -1;

	for (size_t i = 0; i < ARRAY_SIZE(part_names) && r == 0; i++) {
		_cleanup_free_ char *name = path_printf("%s%s", prefix, part_names[i]);
		r = name ? strmap_set(&p->predefined, name, i < n ? parts[i] : "") : -1;
	}
	_cleanup_free_ char *name = path_printf("%sPLATFORM", prefix);
	if (!name || r < 0)
		return -1;
	return strmap_set(&p->predefined, name, platform);
}

static int predefined_args(struct build_plan *p, struct crl_err *err)
{
	const char *arch = p->options->arch ? p->options->arch : machine_arch();
	_cleanup_free_ char *host = path_printf("linux/%s", arch);

	if (!host)
		return crl_fail_oom(err);
	const char *platform = p->options->platform;
	if (str_empty(platform))
		platform = host;
	if (!str_starts(platform, "linux"))
		return crl_fail(err, CRL_INVALID, "platform %s: only linux can be built here",
				platform);
	if (predefine(p, "TARGET", platform) < 0 || predefine(p, "BUILD", host) < 0)
		return crl_fail_oom(err);
	const char *target = p->options->target;
	if (strmap_set(&p->predefined, "TARGETSTAGE", str_empty(target) ? "default" : target) < 0)
		return crl_fail_oom(err);
	return 0;
}

static int read_epoch(struct build_plan *p, struct crl_err *err)
{
	const char *text = strmap_get(&p->options->args, "SOURCE_DATE_EPOCH");

	p->epoch = -1;
	if (str_empty(text))
		return 0;
	if (!str_to_i64(text, &p->epoch) || p->epoch < 0 || p->epoch > 253402300799)
		return crl_fail(err, CRL_INVALID,
				"SOURCE_DATE_EPOCH is not a number of seconds: %s", text);
	return mark_used(p, "SOURCE_DATE_EPOCH", err);
}

/* --- stages --- */

static bool stage_name_ok(const char *s)
{
	if (!islower((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) &&
		    !strchr("-_.", *s))
			return false;
	return true;
}

static char *lower(const char *s)
{
	char *copy = strdup(s);

	for (char *c = copy; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

struct build_stage *build_plan_stage(struct build_plan *p, const char *name, size_t before)
{
	for (size_t i = before; i-- > 0;)
		if (p->stages[i].name && strcasecmp(p->stages[i].name, name) == 0)
			return &p->stages[i];
	return NULL;
}

static int expand_global(struct build_plan *p, const char *word, char **ret, struct crl_err *err)
{
	const struct dockerfile_vars vars = {.get = global_get, .data = p};

	return dockerfile_expand(word, p->df.escape, DOCKERFILE_EXPAND_WORD, &vars, ret, err);
}

static int stage_base(struct build_plan *p, struct build_stage *s, struct crl_err *err)
{
	static const char *const known[] = {"platform", NULL};
	const char *platform;

	if (build_check_flags(s->from, known, err) < 0 ||
	    expand_global(p, s->from->args[0], &s->base, err) < 0)
		return -1;
	if (!*s->base)
		return crl_fail(err, CRL_INVALID,
				"base name (%s) should not be blank: an ARG before the first FROM "
				"must give it",
				s->from->args[0]);
	platform = dockerfile_flag(s->from, "platform", NULL);
	if (platform && expand_global(p, platform, &s->platform, err) < 0)
		return -1;
	s->base_stage = -1;
	const struct build_stage *base = build_plan_stage(p, s->base, s->index);
	if (base)
		s->base_stage = (int)base->index;
	else
		s->scratch = str_eq(s->base, "scratch");
	return 0;
}

static int add_stage(struct build_plan *p, size_t i, struct crl_err *err)
{
	const struct dockerfile_insn *in = &p->df.insns[i];
	struct build_stage *s = &p->stages[p->n_stages];

	s->index = (unsigned)p->n_stages++;
	s->from = in;
	s->first = s->last = i + 1;
	if (in->args[1]) {
		s->name = lower(in->args[2]);
		if (!s->name)
			return crl_fail_oom(err);
		if (!stage_name_ok(s->name))
			return crl_fail(err, CRL_INVALID,
					"invalid name for build stage: \"%s\", name can't start "
					"with a number or contain symbols",
					in->args[2]);
	}
	return stage_base(p, s, err);
}

static int find_stages(struct build_plan *p, struct crl_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < p->df.n_insns; i++)
		n += p->df.insns[i].op == DF_FROM;
	p->stages = calloc(n, sizeof(*p->stages));
	if (!p->stages)
		return crl_fail_oom(err);
	for (size_t i = 0; i < p->df.n_insns; i++) {
		if (p->df.insns[i].op == DF_FROM) {
			if (add_stage(p, i, err) < 0)
				return at(p, &p->df.insns[i], err);
		} else if (p->n_stages > 0) {
			p->stages[p->n_stages - 1].last = i + 1;
		}
	}
	return 0;
}

static int find_target(struct build_plan *p, struct crl_err *err)
{
	const char *name = p->options->target;
	uint64_t index;

	p->target = &p->stages[p->n_stages - 1];
	if (str_empty(name))
		return 0;
	p->target = build_plan_stage(p, name, p->n_stages);
	if (p->target)
		return 0;
	if (str_to_u64(name, &index) && index < p->n_stages) {
		p->target = &p->stages[index];
		return 0;
	}
	_cleanup_free_ const char **names = calloc(p->n_stages, sizeof(*names));
	size_t n = 0;
	for (size_t i = 0; names && i < p->n_stages; i++)
		if (p->stages[i].name)
			names[n++] = p->stages[i].name;
	const char *near = names ? dockerfile_nearest(name, names, n) : NULL;
	return crl_fail(err, CRL_NOT_FOUND, "failed to reach build target %s in %s%s%s%s", name,
			p->df.name, near ? " (did you mean " : "", near ? near : "",
			near ? "?)" : "");
}

/* The stage a --from names, or NULL for an image. */
static struct build_stage *copy_source(struct build_plan *p, const struct build_stage *s,
				       const struct dockerfile_insn *in)
{
	const char *from = dockerfile_flag(in, "from", NULL);
	uint64_t index;

	if (str_empty(from) || (in->op != DF_COPY && in->op != DF_ADD))
		return NULL;
	struct build_stage *found = build_plan_stage(p, from, s->index);
	if (!found && str_to_u64(from, &index) && index < s->index)
		found = &p->stages[index];
	return found;
}

/* Marks what the target needs: stages only ever name earlier ones. */
static void mark_wanted(struct build_plan *p)
{
	p->target->wanted = true;
	for (size_t i = p->target->index + 1; i-- > 0;) {
		struct build_stage *s = &p->stages[i];
		if (!s->wanted)
			continue;
		if (s->base_stage >= 0)
			p->stages[s->base_stage].wanted = true;
		for (size_t j = s->first; j < s->last; j++) {
			struct build_stage *source = copy_source(p, s, &p->df.insns[j]);
			if (source)
				source->wanted = true;
		}
	}
}

/* --- bases --- */

static int load_base(struct build_plan *p, struct build_stage *s, struct crl_err *err)
{
	struct crl_err lookup = CRL_ERR_INIT;

	if (p->ops->find_image(p->ops->data, s->base, &s->base_id, &s->base_manifest, &lookup) <
	    0) {
		const char *near = NULL;
		const char *names[64];
		size_t n = 0;
		for (size_t i = 0; i < s->index && n < ARRAY_SIZE(names); i++)
			if (p->stages[i].name)
				names[n++] = p->stages[i].name;
		near = dockerfile_nearest(s->base, names, n);
		return crl_fail(err, lookup.code, "%s%s%s%s", lookup.msg,
				near ? " (did you mean the stage " : "", near ? near : "",
				near ? "?)" : "");
	}
	return crl_store_load_image(p->options->store, s->base_id, &s->image, err);
}

static int inherit_base(struct build_plan *p, struct build_stage *s, struct crl_err *err)
{
	struct build_stage *base = &p->stages[s->base_stage];

	if (json_copy(&crl_image_json, &base->image, &s->image, err) < 0)
		return -1;
	if (base->base_id && !(s->base_id = strdup(base->base_id)))
		return crl_fail_oom(err);
	if (base->vars && !(s->vars = strv_copy(base->vars)))
		return crl_fail_oom(err);
	return 0;
}

static int empty_base(struct build_plan *p, struct build_stage *s, struct crl_err *err)
{
	const char *platform =
		s->platform ? s->platform : strmap_get(&p->predefined, "TARGETPLATFORM");
	_cleanup_strv_ char **parts = strv_split(platform, "/", false);

	if (!parts)
		return crl_fail_oom(err);
	size_t n = strv_len(parts);
	s->image.os = strdup(n > 0 ? parts[0] : "linux");
	s->image.architecture = strdup(n > 1 ? parts[1] : strmap_get(&p->predefined, "BUILDARCH"));
	if (n > 2)
		s->image.variant = strdup(parts[2]);
	s->image.rootfs.type = strdup("layers");
	if (!s->image.os || !s->image.architecture || !s->image.rootfs.type ||
	    (n > 2 && !s->image.variant))
		return crl_fail_oom(err);
	return 0;
}

static int plan_stage(struct build_plan *p, struct build_stage *s, struct crl_err *err)
{
	int r;

	if (s->base_stage >= 0)
		r = inherit_base(p, s, err);
	else if (s->scratch)
		r = empty_base(p, s, err);
	else
		r = load_base(p, s, err);
	if (r < 0)
		return at(p, s->from, err);
	return build_stage_plan(p, s, err);
}

int build_plan_require(struct build_plan *p, struct build_stage *s, struct crl_err *err)
{
	if (s->wanted)
		return 0;
	s->wanted = true;
	if (s->base_stage >= 0 && build_plan_require(p, &p->stages[s->base_stage], err) < 0)
		return -1;
	for (size_t j = s->first; j < s->last; j++) {
		struct build_stage *source = copy_source(p, s, &p->df.insns[j]);
		if (source && build_plan_require(p, source, err) < 0)
			return -1;
	}
	return plan_stage(p, s, err);
}

int build_plan_text(struct build_plan *p, const char *text, size_t len, struct crl_err *err)
{
	if (dockerfile_parse(p->options->dockerfile, text, len, &p->df, err) < 0 ||
	    predefined_args(p, err) < 0 || read_epoch(p, err) < 0 || global_args(p, err) < 0 ||
	    find_stages(p, err) < 0 || find_target(p, err) < 0)
		return -1;
	mark_wanted(p);
	for (size_t i = 0; i <= p->target->index; i++)
		if (p->stages[i].wanted && plan_stage(p, &p->stages[i], err) < 0)
			return -1;
	return 0;
}

int build_plan_make(struct build_plan *p, const struct crl_build_options *options,
		    const struct crl_build_ops *ops, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len;

	*p = (struct build_plan){.options = options, .ops = ops, .epoch = -1};
	if (path_open_in_root(options->context_fd, options->dockerfile, O_RDONLY | O_NONBLOCK, 0,
			      &fd, NULL) < 0)
		return crl_fail(err, CRL_INVALID, "Cannot locate specified Dockerfile: %s",
				options->dockerfile);
	if (fd_read_all(fd, DOCKERFILE_MAX_SIZE, &text, &len, err) < 0)
		return crl_context(err, "%s", options->dockerfile);
	return build_plan_text(p, text, len, err);
}

static void step_free(struct build_step *st)
{
	free(st->text);
	free(st->created_by);
	strv_free(st->argv);
	strv_free(st->env);
	strv_free(st->proxy);
	free(st->user);
	free(st->cwd);
	free(st->network);
	free(st->path);
	free(st->script);
	build_copy_free(st->copy);
}

static void stage_free(struct build_stage *s)
{
	for (size_t i = 0; i < s->n_steps; i++)
		step_free(&s->steps[i]);
	for (size_t i = 0; i < s->n_layers; i++) {
		free(s->layers[i].diff_id);
		json_free(&crl_descriptor_json, &s->layers[i].blob);
	}
	free(s->steps);
	free(s->layers);
	free(s->name);
	free(s->base);
	free(s->platform);
	free(s->base_id);
	free(s->base_manifest);
	strv_free(s->vars);
	json_free(&crl_image_json, &s->image);
}

void build_plan_free(struct build_plan *p)
{
	for (size_t i = 0; i < p->n_stages; i++)
		stage_free(&p->stages[i]);
	free(p->stages);
	strmap_free(&p->global);
	strmap_free(&p->predefined);
	strv_free(p->used_args);
	dockerfile_free(&p->df);
	*p = (struct build_plan){0};
}
