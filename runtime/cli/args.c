/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See args.h. */
#include "args.h"
#include <base/str.h>
#include <stdio.h>

static const struct arg *find_long(const struct arg *args, const char *word, size_t len)
{
	for (; args->name; args++)
		if (strlen(args->name) == len && strncmp(args->name, word, len) == 0)
			return args;
	return NULL;
}

static const struct arg *find_letter(const struct arg *args, char letter)
{
	for (; args->name; args++)
		if (args->letter && args->letter == letter)
			return args;
	return NULL;
}

static bool takes_value(const struct arg *a)
{
	return a->kind != ARG_FLAG && a->kind != ARG_IGNORED;
}

static int set_flag(const struct arg *a, const char *value, struct crl_err *err)
{
	bool on = !value || str_eq(value, "true") || str_eq(value, "1");
	if (!on && !str_eq(value, "false") && !str_eq(value, "0"))
		return crl_fail(err, CRL_INVALID, "--%s=%s: true or false", a->name, value);
	if (a->kind == ARG_FLAG)
		*(bool *)a->to = on;
	return 0;
}

static int set_value(const struct arg *a, const char *value, struct crl_err *err)
{
	switch (a->kind) {
	case ARG_FLAG:
	case ARG_IGNORED: return set_flag(a, value, err);
	case ARG_IGNORED_VALUE: return 0;
	case ARG_STRING: *(const char **)a->to = value; return 0;
	case ARG_NUMBER:
		if (!str_to_i64(value, a->to))
			return crl_fail(err, CRL_INVALID, "--%s %s: not a number", a->name, value);
		return 0;
	case ARG_LIST: return strv_push(a->to, value) < 0 ? crl_fail_oom(err) : 0;
	}
	return -1;
}

/* One word that begins with '-'; *i moves on when its value is the next word. */
static int take(const struct arg *args, int argc, char **argv, int *i, struct crl_err *err)
{
	const char *word = argv[*i], *value = NULL;
	const struct arg *a;
	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");
		a = find_long(args, word + 2, len);
		if (word[2 + len] == '=')
			value = word + 2 + len + 1;
	} else {
		a = find_letter(args, word[1]);
		if (a && takes_value(a) && word[2])
			value = word + 2;
		else if (a && word[2]) /* several letters in one word are of no use here */
			a = NULL;
		/* -name: Go's flag package takes one dash as well */
		if (!a && word[2])
			a = find_long(args, word + 1, strlen(word + 1));
	}
	if (!a)
		return crl_fail(err, CRL_INVALID, "unknown option %s", word);
	if (takes_value(a) && !value) {
		if (++*i >= argc)
			return crl_fail(err, CRL_INVALID, "option %s needs a value", word);
		value = argv[*i];
	}
	return set_value(a, value, err);
}

int args_parse(const struct arg *args, int argc, char **argv, struct crl_err *err)
{
	int i = 0;
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (str_eq(argv[i], "--"))
			return i + 1;
		if (take(args, argc, argv, &i, err) < 0)
			return -1;
	}
	return i;
}

void args_help(const struct arg *args)
{
	for (; args->name; args++) {
		if (!args->help)
			continue;
		char left[64];
		snprintf(left, sizeof(left), "%s%c%s--%s%s", args->letter ? "-" : " ",
			 args->letter ? args->letter : ' ', args->letter ? ", " : "  ", args->name,
			 takes_value(args) ? " VALUE" : "");
		printf("  %-30s %s\n", left, args->help);
	}
}
