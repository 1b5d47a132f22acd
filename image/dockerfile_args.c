/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instructions of a Dockerfile, and the grammar of each one's arguments, as one
 * table. Words are cut by dockerfile_words.c.
 */
#include "dockerfile.h"

#include <stdlib.h>
#include <strings.h>

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

	while (s[n] && !dockerfile_is_blank(s[n]))
		n++;
	if (!*dockerfile_skip_blanks(s + n))
		return crl_fail(err, CRL_INVALID, "%s must have two arguments: name=value",
				dockerfile_op_name(in->op));
	if (strv_take(&in->args, strndup(s, n)) < 0 ||
	    strv_push(&in->args, dockerfile_skip_blanks(s + n)) < 0)
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
	rest = dockerfile_skip_blanks(rest);
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
