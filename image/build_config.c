/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metadata instructions: pure edits of the image config, done while planning. */
#include "build_plan.h"

#include <base/ident.h>
#include <base/path.h>
#include <base/proc.h>
#include <ctype.h>
#include <stdlib.h>

typedef int (*config_edit)(struct build_plan *p, struct build_stage *s,
			   const struct dockerfile_insn *in, struct crl_err *err);

static int replace(char **member, char *value, struct crl_err *err)
{
	if (!value)
		return crl_fail_oom(err);
	free(*member);
	*member = value;
	return 0;
}

static void replace_list(char ***member, char **value)
{
	strv_free(*member);
	*member = value;
}

/* The one argument, expanded. */
static int expand_one(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		      char **ret, struct crl_err *err)
{
	return build_stage_expand(p, s, in->args[0], ret, err);
}

/* --- ENV, LABEL --- */

static int expand_pairs(struct build_plan *p, struct build_stage *s,
			const struct dockerfile_insn *in, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **out = NULL;

	for (size_t i = 0; in->args[i]; i++) {
		char *text = NULL;
		if (build_stage_expand(p, s, in->args[i], &text, err) < 0)
			return -1;
		if (strv_take(&out, text) < 0)
			return crl_fail_oom(err);
		if (i % 2 == 0 && !*text)
			return crl_fail(err, CRL_INVALID, "%s names can not be blank",
					dockerfile_op_name(in->op));
	}
	*ret = take_ptr(out);
	return 0;
}

static int edit_env(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		    struct crl_err *err)
{
	_cleanup_strv_ char **pairs = NULL;

	/* All values are expanded before the first is set: an instruction sees the old ones. */
	if (expand_pairs(p, s, in, &pairs, err) < 0)
		return -1;
	for (size_t i = 0; pairs[i]; i += 2) {
		_cleanup_free_ char *pair = path_printf("%s=%s", pairs[i], pairs[i + 1]);
		if (!pair || strv_env_set(&s->image.config.env, pair) < 0 ||
		    strv_env_set(&s->vars, pair) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

static int edit_label(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		      struct crl_err *err)
{
	_cleanup_strv_ char **pairs = NULL;

	if (expand_pairs(p, s, in, &pairs, err) < 0)
		return -1;
	for (size_t i = 0; pairs[i]; i += 2)
		if (strmap_set(&s->image.config.labels, pairs[i], pairs[i + 1]) < 0)
			return crl_fail_oom(err);
	return 0;
}

/* --- CMD, ENTRYPOINT, SHELL --- */

int build_config_command(const struct build_stage *s, const struct dockerfile_insn *in,
			 const char *shell_text, char ***ret, struct crl_err *err)
{
	static char *const default_shell[] = {"/bin/sh", "-c", NULL};
	_cleanup_strv_ char **argv = NULL;

	if (in->exec_form) {
		argv = strv_copy(in->args);
		if (!argv)
			return crl_fail_oom(err);
	} else {
		char *const *shell = s->image.config.shell;
		argv = strv_copy(shell && shell[0] ? shell : default_shell);
		if (!argv || strv_push(&argv, shell_text) < 0)
			return crl_fail_oom(err);
	}
	*ret = take_ptr(argv);
	return 0;
}

static int edit_cmd(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		    struct crl_err *err)
{
	char **argv = NULL;

	if (build_config_command(s, in, in->args[0], &argv, err) < 0)
		return -1;
	replace_list(&s->image.config.cmd, argv);
	s->image.config.args_escaped = false;
	s->cmd_set = true;
	return 0;
}

static int edit_entrypoint(struct build_plan *p, struct build_stage *s,
			   const struct dockerfile_insn *in, struct crl_err *err)
{
	char **argv = NULL;

	if (build_config_command(s, in, in->args[0], &argv, err) < 0)
		return -1;
	replace_list(&s->image.config.entrypoint, argv);
	if (!s->cmd_set) /* the base's CMD belonged to the base's ENTRYPOINT */
		replace_list(&s->image.config.cmd, NULL);
	return 0;
}

static int edit_shell(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		      struct crl_err *err)
{
	char **shell = strv_copy(in->args);

	if (!shell)
		return crl_fail_oom(err);
	replace_list(&s->image.config.shell, shell);
	return 0;
}

/* --- EXPOSE --- */

static bool parse_port(const char *text, size_t len, uint64_t *ret)
{
	char digits[8];

	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = 0;
	return str_to_u64(digits, ret) && *ret >= 1 && *ret <= 65535;
}

static int add_ports(char ***ports, uint64_t first, uint64_t last, const char *proto)
{
	for (uint64_t i = first; i <= last; i++) {
		char text[24];
		snprintf(text, sizeof(text), "%u/%s", (unsigned)i, proto);
		if (!strv_contains(*ports, text) && strv_push(ports, text) < 0)
			return -1;
	}
	return 0;
}

/* "80", "80/udp", "8000-8010"; of "ip:host:container" only the container's port counts. */
static int expose_one(char ***ports, const char *text, struct crl_err *err)
{
	const char *slash = strchr(text, '/'), *start = text;
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char proto[8] = "tcp";
	uint64_t first, last;

	for (size_t i = 0; i < len; i++)
		if (text[i] == ':')
			start = text + i + 1;
	len -= (size_t)(start - text);
	for (size_t i = 0; slash && slash[1] && i < sizeof(proto); i++) {
		proto[i] = (char)tolower((unsigned char)slash[i + 1]);
		if (!proto[i])
			break;
	}
	proto[sizeof(proto) - 1] = 0;
	if (!str_eq(proto, "tcp") && !str_eq(proto, "udp") && !str_eq(proto, "sctp"))
		return crl_fail(err, CRL_INVALID, "invalid proto: %s", slash ? slash + 1 : "");
	const char *dash = memchr(start, '-', len);
	size_t first_len = dash ? (size_t)(dash - start) : len;
	if (!parse_port(start, first_len, &first))
		return crl_fail(err, CRL_INVALID, "invalid containerPort: %s", text);
	last = first;
	if (dash && (!parse_port(dash + 1, len - first_len - 1, &last) || last < first))
		return crl_fail(err, CRL_INVALID, "invalid port range: %s", text);
	return add_ports(ports, first, last, proto) < 0 ? crl_fail_oom(err) : 0;
}

static int edit_expose(struct build_plan *p, struct build_stage *s,
		       const struct dockerfile_insn *in, struct crl_err *err)
{
	const struct dockerfile_vars vars = {.get = build_stage_get, .data = s};

	for (size_t i = 0; in->args[i]; i++) {
		_cleanup_strv_ char **words = NULL;
		if (dockerfile_expand_split(in->args[i], p->df.escape, &vars, &words, err) < 0)
			return -1;
		for (size_t j = 0; words[j]; j++)
			if (expose_one(&s->image.config.exposed_ports, words[j], err) < 0)
				return -1;
	}
	return 0;
}

/* --- the others --- */

static int edit_volume(struct build_plan *p, struct build_stage *s,
		       const struct dockerfile_insn *in, struct crl_err *err)
{
	for (size_t i = 0; in->args[i]; i++) {
		_cleanup_free_ char *path = NULL;
		if (build_stage_expand(p, s, in->args[i], &path, err) < 0)
			return -1;
		if (!*path)
			return crl_fail(err, CRL_INVALID,
					"VOLUME specified can not be an empty string");
		if (!strv_contains(s->image.config.volumes, path) &&
		    strv_push(&s->image.config.volumes, path) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

static int edit_user(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		     struct crl_err *err)
{
	char *user = NULL;

	if (expand_one(p, s, in, &user, err) < 0)
		return -1;
	return replace(&s->image.config.user, user, err);
}

static int edit_stopsignal(struct build_plan *p, struct build_stage *s,
			   const struct dockerfile_insn *in, struct crl_err *err)
{
	char *name = NULL;

	if (expand_one(p, s, in, &name, err) < 0)
		return -1;
	if (proc_signal_number(name) <= 0) {
		crl_fail(err, CRL_INVALID, "invalid signal: %s", name);
		free(name);
		return -1;
	}
	return replace(&s->image.config.stop_signal, name, err);
}

static int edit_maintainer(struct build_plan *p, struct build_stage *s,
			   const struct dockerfile_insn *in, struct crl_err *err)
{
	return replace(&s->image.author, strdup(in->args[0]), err);
}

static int edit_onbuild(struct build_plan *p, struct build_stage *s,
			const struct dockerfile_insn *in, struct crl_err *err)
{
	return strv_push(&s->image.config.on_build, in->args[0]) < 0 ? crl_fail_oom(err) : 0;
}

/* --- HEALTHCHECK --- */

static int health_duration(const struct dockerfile_insn *in, const char *flag, int64_t *ret,
			   struct crl_err *err)
{
	const char *text = dockerfile_flag(in, flag, NULL);

	if (str_empty(text))
		return 0;
	if (!time_parse_duration(text, ret))
		return crl_fail(err, CRL_INVALID, "--%s: invalid duration \"%s\"", flag, text);
	if (*ret < 0 || (*ret > 0 && *ret < 1000000))
		return crl_fail(err, CRL_INVALID, "--%s=%s: cannot be less than 1ms", flag, text);
	return 0;
}

static int health_options(const struct dockerfile_insn *in, struct crl_healthcheck *h,
			  struct crl_err *err)
{
	static const char *const known[] = {"interval",       "timeout", "start-period",
					    "start-interval", "retries", NULL};
	const char *retries = dockerfile_flag(in, "retries", NULL);
	uint64_t n;

	if (build_check_flags(in, known, err) < 0 ||
	    health_duration(in, "interval", &h->interval, err) < 0 ||
	    health_duration(in, "timeout", &h->timeout, err) < 0 ||
	    health_duration(in, "start-period", &h->start_period, err) < 0 ||
	    health_duration(in, "start-interval", &h->start_interval, err) < 0)
		return -1;
	if (str_empty(retries))
		return 0;
	if (!str_to_u64(retries, &n) || n > INT32_MAX)
		return crl_fail(err, CRL_INVALID, "--retries: invalid number \"%s\"", retries);
	h->retries = (int64_t)n;
	return 0;
}

static int health_test(const struct dockerfile_insn *in, struct crl_healthcheck *h,
		       struct crl_err *err)
{
	bool none = str_eq(in->args[0], "NONE");

	if (none && in->n_flags > 0)
		return crl_fail(err, CRL_INVALID, "HEALTHCHECK NONE takes no flags");
	const char *first = none || in->exec_form ? in->args[0] : "CMD-SHELL";
	if (strv_push(&h->test, first) < 0)
		return crl_fail_oom(err);
	for (size_t i = 1; in->args[i]; i++)
		if (strv_push(&h->test, in->args[i]) < 0)
			return crl_fail_oom(err);
	return 0;
}

static int edit_healthcheck(struct build_plan *p, struct build_stage *s,
			    const struct dockerfile_insn *in, struct crl_err *err)
{
	struct crl_healthcheck *h = calloc(1, sizeof(*h));

	if (!h)
		return crl_fail_oom(err);
	if (health_options(in, h, err) < 0 || health_test(in, h, err) < 0) {
		json_free(&crl_healthcheck_json, h);
		free(h);
		return -1;
	}
	if (s->image.config.healthcheck) {
		json_free(&crl_healthcheck_json, s->image.config.healthcheck);
		free(s->image.config.healthcheck);
	}
	s->image.config.healthcheck = h;
	return 0;
}

static const config_edit edits[DF_OP_COUNT] = {
	[DF_CMD] = edit_cmd,
	[DF_ENTRYPOINT] = edit_entrypoint,
	[DF_ENV] = edit_env,
	[DF_EXPOSE] = edit_expose,
	[DF_HEALTHCHECK] = edit_healthcheck,
	[DF_LABEL] = edit_label,
	[DF_MAINTAINER] = edit_maintainer,
	[DF_ONBUILD] = edit_onbuild,
	[DF_SHELL] = edit_shell,
	[DF_STOPSIGNAL] = edit_stopsignal,
	[DF_USER] = edit_user,
	[DF_VOLUME] = edit_volume,
};

int build_config_apply(struct build_plan *p, struct build_stage *s,
		       const struct dockerfile_insn *in, struct crl_err *err)
{
	static const char *const none[] = {NULL};

	if (in->op != DF_HEALTHCHECK && build_check_flags(in, none, err) < 0)
		return -1;
	return edits[in->op](p, s, in, err);
}
