/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs tables of named steps, takes them back, and hosts the failpoints; see base/step.h. */
#include <base/ident.h>
#include <base/step.h>
#include <base/str.h>

#include <config.h>
#include <errno.h>
#include <signal.h>

#if CRL_FAILPOINTS
/* The rule for `name` in CRUN_LITE_FAIL, e.g. "rt.pivot_root=1*error(EIO);d.start=kill". */
static char *find_rule(const char *name)
{
	const char *all = getenv("CRUN_LITE_FAIL");
	size_t len = strlen(name);
	for (const char *p = all; p && *p; p += strcspn(p, ";"), p += *p == ';')
		if (strncmp(p, name, len) == 0 && p[len] == '=')
			return strndup(p + len + 1, strcspn(p + len + 1, ";"));
	return NULL;
}

/* Passes are counted per name for the life of the process; a child goes on from its parent's count.
 */
static bool still_fires(const char *name, int limit)
{
	static struct strmap passes;
	const char *seen = strmap_get(&passes, name);
	int n = seen ? atoi(seen) : 0;
	char text[16];
	snprintf(text, sizeof(text), "%d", n + 1);
	strmap_set(&passes, name, text);
	return n < limit;
}

static int errno_named(const char *text)
{
	static const struct {
		const char *name;
		int value;
	} names[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EINTR", EINTR},
		     {"EPERM", EPERM},   {"ENOMEM", ENOMEM}, {"EACCES", EACCES},
		     {"EAGAIN", EAGAIN}, {"EMFILE", EMFILE}, {"EROFS", EROFS},
		     {"ENOENT", ENOENT}, {"EBUSY", EBUSY},   {"EINVAL", EINVAL}};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(text, names[i].name))
			return names[i].value;
	return EIO;
}

static int act(const char *name, const char *action, struct crl_err *err)
{
	if (str_starts(action, "error("))
		return crl_fail_sys(err, errno_named(action + 6), "failpoint %s", name);
	if (str_starts(action, "delay("))
		usleep((useconds_t)atoi(action + 6) * 1000);
	else if (str_eq(action, "kill")) {
		kill(getpid(), SIGKILL);
		_exit(137); /* the first process of a pid namespace cannot kill itself */
	}
	return 0;
}

int failpoint(const char *name, bool after, struct crl_err *err)
{
	_cleanup_free_ char *rule = find_rule(name);
	if (!rule)
		return 0;
	const char *action = rule;
	bool rule_after = str_starts(action, "after:");
	if (rule_after)
		action += strlen("after:");
	if (rule_after != after)
		return 0;
	const char *star = strchr(action, '*');
	if (star) {
		if (!still_fires(name, atoi(action)))
			return 0;
		action = star + 1;
	}
	return act(name, action, err);
}
#else
int failpoint(const char *name, bool after, struct crl_err *err)
{
	return 0;
}
#endif

static int run_one(const struct step *s, void *ctx, struct step_run *run, struct crl_err *err)
{
	int64_t begin = run->observer ? time_boot_ns() : 0;
	int r = failpoint(s->name, false, err);
	if (r == 0)
		r = s->run(ctx, err);
	if (run->observer)
		run->observer(s, (uint64_t)(time_boot_ns() - begin) / 1000, r < 0 ? err : NULL,
			      run->observer_data);
	if (r < 0)
		return -1;
	run->done++;
	return failpoint(s->name, true, err);
}

int steps_run(const struct step *steps, size_t n, void *ctx, struct step_run *run,
	      struct crl_err *err)
{
	while (run->done < n) {
		const struct step *s = &steps[run->done];
		if (s->wanted && !s->wanted(ctx)) {
			run->done++;
			continue;
		}
		if (run_one(s, ctx, run, err) < 0) {
			crl_context(err, "%s", s->name);
			steps_undo(steps, ctx, run);
			return -1;
		}
	}
	return 0;
}

/* Length of "AREA.name: " for one of the areas, else 0. */
static size_t name_length(const char *text)
{
	static const char *const areas[] = {"mon.", "rt.", "ex."};

	for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
		size_t area = strlen(areas[i]), name;

		if (strncmp(text, areas[i], area) != 0)
			continue;
		name = strspn(text + area, "abcdefghijklmnopqrstuvwxyz_0123456789");
		if (name > 0 && strncmp(text + area + name, ": ", 2) == 0)
			return area + name + 2;
	}
	return 0;
}

const char *step_skip_names(const char *text)
{
	size_t n;

	while ((n = name_length(text)) > 0)
		text += n;
	return text;
}

void steps_undo(const struct step *steps, void *ctx, struct step_run *run)
{
	while (run->done > 0) {
		const struct step *s = &steps[--run->done];
		if (s->undo && (!s->wanted || s->wanted(ctx)))
			s->undo(ctx);
	}
}

/* The linker's names for the ends of the section that STEPS_LISTED() fills. */
extern const struct step_list __start_crl_steps[] __attribute__((weak, visibility("hidden")));
extern const struct step_list __stop_crl_steps[] __attribute__((weak, visibility("hidden")));

void steps_print(FILE *out)
{
	for (const struct step_list *l = __start_crl_steps; l < __stop_crl_steps; l++)
		for (size_t i = 0; i < l->n; i++)
			fprintf(out, "%s\t%s\t%s\n", l->steps[i].name, l->steps[i].why,
				l->steps[i].see);
}
