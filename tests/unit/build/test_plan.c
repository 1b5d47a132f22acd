/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dockerfile -> plan: stages, scopes of variables, configs, and what is refused before anything
 * runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <base/str.h>
#include "build_plan.h"

static int no_image(void *data, const char *name, char **ret_id, char **ret_manifest,
		    struct crl_err *err)
{
	return crl_fail(err, CRL_NOT_FOUND, "No such image: %s:latest", name);
}

static const struct crl_build_ops ops = {.find_image = no_image};

static int plan(const char *text, const struct crl_build_options *o, struct build_plan *p,
		struct crl_err *err)
{
	*err = (struct crl_err)CRL_ERR_INIT;
	*p = (struct build_plan){.options = o, .ops = &ops, .epoch = -1};
	return build_plan_text(p, text, strlen(text), err);
}

/* What the target's config and steps became, as text. */
static char *dump(const struct build_plan *p)
{
	const struct crl_image_config *c = &p->target->image.config;
	_cleanup_free_ char *json = json_encode(&crl_image_config_json, c);
	struct buf b = BUF_INIT;

	buf_puts(&b, json);
	for (size_t i = 0; i < p->target->n_steps; i++) {
		const struct build_step *st = &p->target->steps[i];
		_cleanup_free_ char *argv = st->argv ? strv_join(st->argv, "|") : NULL;
		_cleanup_free_ char *env = st->env ? strv_join(st->env, ",") : NULL;
		_cleanup_free_ char *src =
			st->copy && st->copy->sources ? strv_join(st->copy->sources, ",") : NULL;
		if (st->kind == BUILD_RUN)
			buf_printf(&b, "\nRUN %s env=%s cwd=%s", argv, env, st->cwd);
		if (st->kind == BUILD_COPY)
			buf_printf(&b, "\nCOPY %s -> %s%s from=%d", src ? src : "-", st->copy->dest,
				   st->copy->dest_is_dir ? "/" : "", st->copy->from);
		if (st->kind == BUILD_WORKDIR)
			buf_printf(&b, "\nWORKDIR %s", st->path);
	}
	return buf_take(&b);
}

#define S "FROM scratch\n"
static const struct {
	const char *text, *want; /* a part of the dump */
} good[] = {
	{S "ENV a=1 b=$a\nENV c=$a", "\"a=1\",\"b=\",\"c=1\""},
	{S "ENV a=1\nENV a=2 b=3", "\"a=2\",\"b=3\""},
	{S "ARG a=1\nRUN x",
	 "RUN /bin/sh|-c|x "
	 "env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin,a=1 cwd=/"},
	{S "ARG given\nENV e=$given", "\"e=arg\""},
	{S "ARG given=default\nENV e=$given", "\"e=arg\""},
	{S "ENV e=$given", "\"e=\""},
	{"ARG g=glob\n" S "ENV e=$g", "\"e=\""},
	{"ARG g=glob\n" S "ARG g\nENV e=$g", "\"e=glob\""},
	{"ARG g=glob\n" S "ARG g=own\nENV e=$g", "\"e=own\""},
	{S "ARG a=2\nARG a\nENV e=$a", "\"e=2\""},
	{S "ENV a=env\nARG a=arg\nENV e=$a", "\"a=env\",\"e=arg\""},
	{S "ARG a=arg\nENV a=env\nENV e=$a", "\"e=env\""},
	{"FROM scratch AS b\nARG x=1\nENV y=2\nFROM b\nENV z=$x$y", "\"z=12\""},
	{"FROM scratch AS b\nARG x=1\nFROM scratch\nENV z=$x", "\"z=\""},
	{S "ARG TARGETARCH\nENV a=$TARGETARCH", "\"a=arm64\""},
	{S "ENV a=$TARGETARCH", "\"a=\""},
	{S "WORKDIR /a\nWORKDIR b/../c\nCOPY x .",
	 "WORKDIR /a\nWORKDIR /a/c\nCOPY x -> /a/c/ from=-1"},
	{S "COPY a b/ /d/", "COPY a,b/ -> /d/ from=-1"},
	{S "ENV d=/x\nCOPY \"a\" ${d}/y", "COPY a -> /x/y from=-1"},
	{S "COPY [\"a b\",\"/c d\"]", "COPY a b -> /c d from=-1"},
	{"FROM scratch AS one\n" S "COPY --from=one a /b", "from=0"},
	{"FROM scratch\n" S "COPY --from=0 a /b", "from=0"},
	{"FROM scratch AS One\n" S "COPY --from=ONE a /b", "from=0"},
	{S "ENTRYPOINT [\"a\"]\nCMD b",
	 "\"Entrypoint\":[\"a\"],\"Cmd\":[\"/bin/sh\",\"-c\",\"b\"]"},
	{S "CMD b\nENTRYPOINT [\"a\"]", "\"Cmd\":[\"/bin/sh\",\"-c\",\"b\"]"},
	{S "SHELL [\"bash\",\"-c\"]\nRUN x", "RUN bash|-c|x"},
	{S "RUN [\"a\",\"$b\"]", "RUN a|$b "},
	{S "RUN <<E\na\nb\nE", "RUN /bin/sh|-c|a\nb\n "},
	{S "RUN cat <<E\na\nE", "RUN /bin/sh|-c|cat <<E\na\nE "},
	{S "RUN <<E\n#!/bin/x\nE", "RUN /dev/build-script "},
	{S "EXPOSE 80 90-91/UDP 1:2", "{\"80/tcp\":{},\"90/udp\":{},\"91/udp\":{},\"2/tcp\":{}}"},
	{S "ENV p=\"80 81\"\nEXPOSE $p", "{\"80/tcp\":{},\"81/tcp\":{}}"},
	{S "VOLUME /a /b", "\"Volumes\":{\"/a\":{},\"/b\":{}}"},
	{S "LABEL a=b \"c d\"='e f'", "{\"a\":\"b\",\"c d\":\"e f\"}"},
	{S "STOPSIGNAL RTMIN+1", "\"StopSignal\":\"RTMIN+1\""},
	{S "HEALTHCHECK --interval=5s --retries=2 CMD a b", "\"Test\":[\"CMD-SHELL\",\"a b\"]"},
	{S "HEALTHCHECK NONE", "\"Test\":[\"NONE\"]"},
	{S "ONBUILD RUN x", "\"OnBuild\":[\"RUN x\"]"},
	{"FROM scratch AS b\nONBUILD ENV t=1\nFROM b\n", "\"t=1\""},
	{"FROM scratch AS b\nENV bad=1\nFROM nosuch AS unused\nRUN x\n" S "ENV k=1", "\"k=1\""},
};

static void test_good(void **state)
{
	struct crl_build_options o = {
		.dockerfile = "Dockerfile", .platform = "linux/arm64", .arch = "amd64"};

	strmap_set(&o.args, "given", "arg");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct build_plan p;
		struct crl_err err;
		if (plan(good[i].text, &o, &p, &err) < 0)
			fail_msg("%s\n-> %s", good[i].text, err.msg);
		_cleanup_free_ char *got = dump(&p);
		if (!strstr(got, good[i].want))
			fail_msg("%s\n-> %s\nwithout %s", good[i].text, got, good[i].want);
		build_plan_free(&p);
	}
	strmap_free(&o.args);
}

static const struct {
	const char *text, *message;
} bad[] = {
	{"FROM nosuch", "Dockerfile:1: FROM: No such image: nosuch:latest"},
	{"FROM scratch AS builder\nFROM bulider", "did you mean the stage builder?"},
	{S "COPY --form=x a b", "COPY: unknown flag: --form (did you mean --from?)"},
	{S "RUN --mount=type=bind x", "unknown flag: --mount"},
	{S "COPY --from=1 a b", "only stages before this one"},
	{S "COPY --from=$x a b", "variables are not expanded in --from"},
	{"FROM scratch AS builder\n" S "COPY --from=bulider a b",
	 "did you mean the stage builder?"},
	{S "COPY a b /c", "must be a directory and end with a /"},
	{S "COPY --chmod=9 a b", "invalid --chmod"},
	{S "COPY --chmod=u=q a b", "invalid --chmod"},
	{S "ADD https://x/y /z", "https://x/y"},
	{S "COPY <<E <<F\nE\nF\n", "cannot be the destination"},
	{S "ENV a=\"${b:?must be set}\"", "Dockerfile:2: ENV: b: must be set"},
	{S "EXPOSE x", "invalid containerPort"},
	{S "EXPOSE 70000", "invalid containerPort"},
	{S "EXPOSE 80/foo", "invalid proto"},
	{S "STOPSIGNAL SIGNOPE", "invalid signal: SIGNOPE"},
	{S "HEALTHCHECK --interval=1us CMD x", "less than 1ms"},
	{S "HEALTHCHECK --intervall=1s CMD x", "did you mean --interval?"},
	{S "RUN --network=foo x", "--network is default, none or host"},
	{"FROM scratch AS 1abc", "invalid name for build stage"},
	{"FROM $x", "should not be blank"},
	{"FROM scratch AS b\nONBUILD COPY --form=x a b\nFROM b", "trigger \"COPY --form=x a b\""},
	{S "VOLUME $x", "empty string"},
	{S "ENV \"\"=x", "blank"},
};

static void test_bad(void **state)
{
	struct crl_build_options o = {.dockerfile = "Dockerfile"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct build_plan p;
		struct crl_err err;
		if (plan(bad[i].text, &o, &p, &err) == 0)
			fail_msg("accepted: %s", bad[i].text);
		if (!strstr(err.msg, bad[i].message))
			fail_msg("%s\n-> %s\nwithout %s", bad[i].text, err.msg, bad[i].message);
		build_plan_free(&p);
	}
}

static void test_target(void **state)
{
	struct crl_build_options o = {.dockerfile = "Dockerfile", .target = "two"};
	static const char text[] = "FROM scratch AS one\nFROM scratch AS two\nCOPY --from=one a b\n"
				   "FROM nosuch AS three\n";
	struct build_plan p;
	struct crl_err err;

	assert_int_equal(plan(text, &o, &p, &err), 0);
	assert_int_equal(p.target->index, 1);
	assert_true(p.stages[0].wanted);
	assert_false(p.stages[2].wanted);
	assert_int_equal(p.n_counted, 3);
	build_plan_free(&p);
	o.target = "1";
	assert_int_equal(plan(text, &o, &p, &err), 0);
	assert_int_equal(p.target->index, 1);
	build_plan_free(&p);
	o.target = "twoo";
	assert_int_equal(plan(text, &o, &p, &err), -1);
	assert_non_null(strstr(err.msg, "did you mean two?"));
	build_plan_free(&p);
}

static void test_chmod(void **state)
{
	static const struct {
		const char *text;
		unsigned mode, want;
		bool dir;
	} rows[] = {
		{"755", 0600, 0755, false},         {"4711", 0600, 04711, false},
		{"u=rwX,go=rX", 0600, 0644, false}, {"u=rwX,go=rX", 0600, 0755, true},
		{"u=rwX,go=rX", 0700, 0755, false}, {"a-w", 0666, 0444, false},
		{"+x", 0644, 0755, false},          {"g+s,o+t", 0755, 03755, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct build_chmod c;
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(build_chmod_parse(rows[i].text, &c, &err), 0);
		if (build_chmod_apply(&c, rows[i].mode, rows[i].dir) != rows[i].want)
			fail_msg("%s: %o", rows[i].text,
				 build_chmod_apply(&c, rows[i].mode, rows[i].dir));
		free(c.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_chmod),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
