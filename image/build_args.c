/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COPY and ADD: flags and words -> struct build_copy; the language of --chmod (chmod(1)). */
#include "build_plan.h"

#include <base/path.h>
#include <stdlib.h>
#include <sys/stat.h>

char *build_path_join(const char *cwd, const char *path)
{
	_cleanup_free_ char *joined = NULL;

	if (*path == '/')
		return path_clean(path);
	joined = path_printf("/%s/%s", cwd ? cwd : "", path);
	return joined ? path_clean(joined) : NULL;
}

/* --- --chmod --- */

#define WHO_CHARS "ugoa"

/* One clause, "u=rwX"; applied to `mode`. -1 = not understood. *s moves behind it. */
static int chmod_clause(const char **s, unsigned *mode, bool is_dir)
{
	unsigned who = 0, bits;

	for (; **s && strchr(WHO_CHARS, **s); (*s)++)
		who |= **s == 'u' ? 04700U : **s == 'g' ? 02070U : **s == 'o' ? 01007U : 07777U;
	if (!who)
		who = 07777;
	if (!**s || !strchr("+-=", **s))
		return -1;
	while (**s && strchr("+-=", **s)) {
		char op = *(*s)++;
		for (bits = 0; **s && strchr("rwxXst", **s); (*s)++) {
			bool x = **s == 'x' || (**s == 'X' && (is_dir || (*mode & 0111)));
			bits |= **s == 'r'   ? 0444U
				: **s == 'w' ? 0222U
				: **s == 's' ? 06000U
				: **s == 't' ? 01000U
				: x          ? 0111U
					     : 0U;
		}
		bits &= who;
		if (op == '=')
			*mode &= ~(who & 0777U);
		*mode = op == '-' ? *mode & ~bits : *mode | bits;
	}
	return **s && **s != ',' ? -1 : 0;
}

static int chmod_symbolic(const char *text, unsigned *mode, bool is_dir)
{
	do {
		if (chmod_clause(&text, mode, is_dir) < 0)
			return -1;
	} while (*text++ == ',');
	return 0;
}

int build_chmod_parse(const char *text, struct build_chmod *ret, struct crl_err *err)
{
	struct build_chmod c = {.octal = *text >= '0' && *text <= '9'};
	unsigned scratch = 0;
	char *end;

	if (c.octal) {
		unsigned long mode = strtoul(text, &end, 8);
		c.mode = (unsigned)mode;
		if (*end || mode > 07777)
			end = NULL;
	} else {
		end = chmod_symbolic(text, &scratch, false) == 0 ? (char *)"" : NULL;
	}
	if (!end)
		return crl_fail(err, CRL_INVALID,
				"invalid --chmod \"%s\": use 0 to 7777 or u=rwX,go=rX", text);
	c.text = strdup(text);
	if (!c.text)
		return crl_fail_oom(err);
	*ret = c;
	return 0;
}

unsigned build_chmod_apply(const struct build_chmod *c, unsigned mode, bool is_dir)
{
	if (!c->text)
		return mode;
	if (c->octal)
		return c->mode;
	chmod_symbolic(c->text, &mode, is_dir);
	return mode;
}

/* --- --from --- */

static int from_index(const struct build_stage *s, uint64_t index, struct build_copy *c,
		      struct crl_err *err)
{
	if (index >= s->index)
		return crl_fail(err, CRL_INVALID,
				"--from=%u: only stages before this one (%u) can be copied from",
				(unsigned)index, s->index);
	c->from = (int)index;
	return 0;
}

static int from_image(struct build_plan *p, const char *name, struct build_copy *c,
		      struct crl_err *err)
{
	const char *names[64];
	struct crl_err lookup = CRL_ERR_INIT;
	size_t n = 0;

	c->from = BUILD_FROM_IMAGE;
	if (p->ops->find_image(p->ops->data, name, &c->from_id, &c->from_manifest, &lookup) == 0)
		return 0;
	for (size_t i = 0; i < p->n_stages && n < ARRAY_SIZE(names); i++)
		if (p->stages[i].name)
			names[n++] = p->stages[i].name;
	const char *near = dockerfile_nearest(name, names, n);
	return crl_fail(err, lookup.code, "--from=%s: no earlier stage of that name, and %s%s%s%s",
			name, lookup.msg, near ? " (did you mean the stage " : "", near ? near : "",
			near ? "?)" : "");
}

static int plan_from(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		     struct build_copy *c, struct crl_err *err)
{
	bool present;
	const char *from = dockerfile_flag(in, "from", &present);
	uint64_t index;

	c->from = BUILD_FROM_CONTEXT;
	if (!present)
		return 0;
	if (str_empty(from))
		return crl_fail(err, CRL_INVALID, "--from needs the name of a stage or an image");
	if (strchr(from, '$'))
		return crl_fail(err, CRL_INVALID,
				"variables are not expanded in --from: name a stage (FROM %s AS x) "
				"and use --from=x",
				from);
	struct build_stage *stage = build_plan_stage(p, from, s->index);
	if (stage)
		c->from = (int)stage->index;
	else if (str_to_u64(from, &index)) {
		if (from_index(s, index, c, err) < 0)
			return -1;
	} else {
		return from_image(p, from, c, err);
	}
	return build_plan_require(p, &p->stages[c->from], err);
}

/* --- words --- */

static int expand_flag(struct build_plan *p, struct build_stage *s,
		       const struct dockerfile_insn *in, const char *flag, char **ret,
		       struct crl_err *err)
{
	bool present;
	const char *value = dockerfile_flag(in, flag, &present);

	if (!present)
		return 0;
	if (str_empty(value))
		return crl_fail(err, CRL_INVALID, "--%s needs a value", flag);
	return build_stage_expand(p, s, value, ret, err);
}

static int plan_flags(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		      struct build_copy *c, struct crl_err *err)
{
	static const char *const copy_flags[] = {"from", "chown", "chmod", "link", "exclude", NULL};
	static const char *const add_flags[] = {"chown", "chmod", "link", "exclude", NULL};
	_cleanup_free_ char *chmod = NULL;
	bool link;

	if (build_check_flags(in, c->add ? add_flags : copy_flags, err) < 0 ||
	    plan_from(p, s, in, c, err) < 0 || expand_flag(p, s, in, "chown", &c->chown, err) < 0 ||
	    expand_flag(p, s, in, "chmod", &chmod, err) < 0)
		return -1;
	const char *value = dockerfile_flag(in, "link", &link);
	c->link = link && !str_eq(value, "false");
	for (size_t i = 0; i < in->n_flags; i++)
		if (str_eq(in->flags[i].name, "exclude") && in->flags[i].value &&
		    strv_push(&c->exclude, in->flags[i].value) < 0)
			return crl_fail_oom(err);
	return chmod ? build_chmod_parse(chmod, &c->chmod, err) : 0;
}

static int plan_heredocs(struct build_plan *p, struct build_stage *s,
			 const struct dockerfile_insn *in, struct build_copy *c,
			 struct crl_err *err)
{
	const struct dockerfile_vars vars = {.get = build_stage_get, .data = s};

	for (size_t i = 0; i < in->n_heredocs; i++) {
		const struct dockerfile_heredoc *h = &in->heredocs[i];
		_cleanup_free_ char *body = NULL;
		if (strchr(h->name, '/') || str_eq(h->name, ".") || str_eq(h->name, ".."))
			return crl_fail(err, CRL_INVALID, "a heredoc's word names a file: %s",
					h->name);
		if (h->expand && dockerfile_expand(h->body, '\\', DOCKERFILE_EXPAND_HEREDOC, &vars,
						   &body, err) < 0)
			return -1;
		if (strmap_set(&c->inline_files, h->name, body ? body : h->body) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

static bool is_remote(const char *s)
{
	return str_starts(s, "http://") || str_starts(s, "https://") || str_starts(s, "git@") ||
	       str_starts(s, "git://") || str_starts(s, "ssh://");
}

static int plan_sources(struct build_plan *p, struct build_stage *s,
			const struct dockerfile_insn *in, struct build_copy *c, struct crl_err *err)
{
	size_t n = strv_len(in->args);

	for (size_t i = 0; i + 1 < n; i++) {
		char *source = NULL;
		if (!in->exec_form && in->n_heredocs > 0 && dockerfile_is_heredoc(in->args[i]))
			continue;
		if (build_stage_expand(p, s, in->args[i], &source, err) < 0)
			return -1;
		if (strv_take(&c->sources, source) < 0)
			return crl_fail_oom(err);
		if (c->add && is_remote(source))
			return crl_fail(
				err, CRL_UNSUPPORTED,
				"%s: sources must be files of the context; fetch it in a RUN",
				source);
	}
	return 0;
}

static int plan_dest(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		     struct build_copy *c, struct crl_err *err)
{
	const char *word = in->args[strv_len(in->args) - 1];
	_cleanup_free_ char *dest = NULL;

	if (in->n_heredocs > 0 && !in->exec_form && dockerfile_is_heredoc(word))
		return crl_fail(err, CRL_INVALID, "a heredoc cannot be the destination");
	if (build_stage_expand(p, s, word, &dest, err) < 0)
		return -1;
	c->dest_is_dir = !*dest || str_ends(dest, "/") || str_eq(dest, ".") || str_eq(dest, "..") ||
			 str_ends(dest, "/.") || str_ends(dest, "/..");
	c->dest = build_path_join(s->image.config.working_dir, dest);
	if (!c->dest)
		return crl_fail_oom(err);
	if (strv_len(c->sources) + c->inline_files.n > 1 && !c->dest_is_dir)
		return crl_fail(err, CRL_INVALID,
				"When using %s with more than one source file, the destination "
				"must be a directory and end with a /",
				dockerfile_op_name(in->op));
	return 0;
}

int build_copy_plan(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		    struct build_copy **ret, struct crl_err *err)
{
	struct build_copy *c = calloc(1, sizeof(*c));

	if (!c)
		return crl_fail_oom(err);
	c->add = in->op == DF_ADD;
	if (plan_flags(p, s, in, c, err) < 0 || plan_heredocs(p, s, in, c, err) < 0 ||
	    plan_sources(p, s, in, c, err) < 0 || plan_dest(p, s, in, c, err) < 0) {
		build_copy_free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void build_copy_free(struct build_copy *c)
{
	if (!c)
		return;
	strv_free(c->sources);
	strv_free(c->exclude);
	strmap_free(&c->inline_files);
	free(c->dest);
	free(c->chown);
	free(c->chmod.text);
	free(c->from_id);
	free(c->from_manifest);
	free(c);
}
