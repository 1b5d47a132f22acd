/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crun-lite-worker VERB: one image job, started by the daemon, which sees its
 * progress and its end over descriptor 3. Owns the order: arguments, store,
 * cage, work, answer. What it reads was written by strangers; whatever
 * happens to it, the daemon lives on.
 */
#include "confine.h"
#include "control.h"
#include "verbs.h"

#include <base/fd.h>
#include <base/log.h>
#include <base/step.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "config.h"

#define ARGS_MAX (4U * 1024 * 1024)

static const struct worker_verb verbs[] = {
	/* clang-format off */
	{"archive-get", WORKER_ENTERS, archive_prepare, archive_get_run},
	{"archive-put", WORKER_ENTERS, archive_prepare, archive_put_run},
	{"archive-stat", WORKER_ENTERS, archive_prepare, archive_stat_run},
	{"build", WORKER_BUILDS, NULL, build_run},
	{"changes", WORKER_UNPACKS /* trusted.overlay.opaque */, changes_prepare, changes_run},
	{"commit", WORKER_UNPACKS, commit_prepare, commit_run},
	{"du", WORKER_READS, du_prepare, du_run},
	{"export", WORKER_READS, export_prepare, export_run},
	{"import", WORKER_UNPACKS, NULL, import_run},
	{"load", WORKER_UNPACKS, NULL, load_run},
	{"save", WORKER_READS, NULL, save_run},
	{"sweep", WORKER_UNPACKS, NULL, sweep_run},
	{"websocket", WORKER_RELAYS, websocket_prepare, websocket_run, true},
	/* clang-format on */
};

static const struct worker_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (str_eq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int read_args(cJSON **ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (lseek(CONTROL_ARGS_FD, 0, SEEK_SET) < 0 ||
	    fd_read_all(CONTROL_ARGS_FD, ARGS_MAX, &text, &len, err) < 0)
		return crl_fail(
			err, CRL_INVALID,
			"no arguments on descriptor 4: this program is started by crun-lited");
	close(CONTROL_ARGS_FD);
	return json_parse(text, len, ARGS_MAX, ret, err);
}

static int set_up(struct worker *w, const cJSON *args, struct crl_err *err)
{
	const char *root = json_get_str(args, "root"), *level = json_get_str(args, "log");
	enum log_level l;

	if (level && log_level_parse(level, &l))
		log_set_level(l);
	if (!root)
		return crl_fail(err, CRL_INVALID, "arguments without \"root\"");
	w->args = args;
	return crl_store_open(root, &w->store, err);
}

static void worker_free(struct worker *w)
{
	layer_fds_close(&w->layers);
	cleanup_close_p(&w->top_fd);
	crl_store_close(w->store);
}

static int work(const struct worker_verb *verb, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *args = NULL, *result = NULL;
	_cleanup_(worker_free) struct worker w = {.top_fd = -1};

	if (read_args(&args, err) < 0 || set_up(&w, args, err) < 0 ||
	    (verb->prepare && verb->prepare(&w, err) < 0))
		return -1;
	/* From here on nothing is trusted that came with the job. */
	if (verb->cage != WORKER_BUILDS && confine(verb->cage, &w, err) < 0)
		return -1;
	if (verb->run(&w, &result, err) < 0)
		return -1;
	return control_result(take_ptr(result), err);
}

int main(int argc, char **argv)
{
	const struct worker_verb *verb = argc == 2 ? find_verb(argv[1]) : NULL;
	struct crl_err err = CRL_ERR_INIT;

	if (argc == 2 && str_eq(argv[1], "--version")) {
		puts("crun-lite-worker " CRL_VERSION);
		return 0;
	}
	if (argc == 2 && str_eq(argv[1], "--print-steps")) {
		steps_print(stdout);
		return 0;
	}
	if (!verb) {
		fprintf(stderr, "crun-lite-worker: unknown verb; it is started by crun-lited\n");
		return 125;
	}
	/* Without the daemon nobody would take the result. */
	if (!verb->outlives)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	umask(022);
	if (work(verb, &err) < 0) {
		control_error(&err);
		return 1;
	}
	return 0;
}
