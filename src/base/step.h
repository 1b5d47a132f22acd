/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multi-step operations as tables of named steps, each with its reason and
 * its undo. The same table is executed, narrated (--explain), rolled back,
 * and driven by fault tests through failpoints.
 *
 * Failpoints exist in builds with -Dfailpoints=true only. The environment
 * variable CRUN_LITE_FAIL holds ';'-separated "step=ACTION" with ACTION one of
 *	error(EIO)   the step fails with that errno before doing anything
 *	kill         SIGKILL to this process at that point
 *	delay(MS)    sleep, then go on
 * optionally prefixed by a count: "rt.pivot_root=1*error(EIO)" fires once;
 * "2*" fires on the first two passes. "after:" before ACTION fires after the
 * step was done instead of before ("after:kill").
 */
#ifndef BASE_STEP_H
#define BASE_STEP_H

#include <crun-lite/err.h>
#include <stdint.h>
#include <stdio.h>

struct step {
	const char *name; /* "rt.pivot_root": area dot verb, unique in the project */
	const char *why;  /* one sentence a learner understands: what it isolates or protects */
	const char *see;  /* man page or spec section, "pivot_root(2)" */
	int (*run)(void *ctx, struct crl_err *err);
	void (*undo)(void *ctx);         /* NULL: nothing to undo */
	bool (*wanted)(const void *ctx); /* NULL: always */
};

/*
 * Makes a table known to steps_print(), "--print-steps" of each program: the
 * fault tests walk that list, so that no step is without one. Goes after the table.
 */
struct step_list {
	const struct step *steps;
	size_t n;
};
#define STEPS_LISTED(table)                                                                        \
	static const struct step_list table##_listed                                               \
		__attribute__((section("crl_steps"), used)) = {table, ARRAY_SIZE(table)}
/* One line per step of this program: name, why, see; separated by tabs. */
void steps_print(FILE *out);

/* Called around each step when set: narration. `us` is the time the step took. */
typedef void (*step_observer)(const struct step *step, uint64_t us, const struct crl_err *err,
			      void *data);
struct step_run {
	step_observer observer;
	void *observer_data;
	size_t done; /* steps run so far: what step_undo() takes back */
};

/*
 * Runs steps[run->done ...n-1] in order. On failure the steps done so far in
 * `run` are undone in reverse order and err is prefixed with the step's name.
 */
int steps_run(const struct step *steps, size_t n, void *ctx, struct step_run *run,
	      struct crl_err *err);
/*
 * `text` behind the names of steps that steps_run() put in front ("mon.create: rt.user: "): for
 * people, to whom they say nothing. Of programs whose tables are not known here: mon, rt, ex.
 */
const char *step_skip_names(const char *text);
/* Undoes run->done steps in reverse order; used for the regular tear-down as well. */
void steps_undo(const struct step *steps, void *ctx, struct step_run *run);

/* A failpoint outside a table (after=false: before the act). 0 = go on. */
int failpoint(const char *name, bool after, struct crl_err *err);

#endif
