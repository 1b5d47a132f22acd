/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crun-lite-cdi list DIR...               names of all devices, one JSON object
 * crun-lite-cdi inject DIR... -- NAME...  what a container needs for these
 *
 * NAME is vendor.com/class=name; gpu=all, gpu=ID and gpu=count:N stand for the
 * GPUs of whatever known vendor describes some. The answer goes to stdout as one
 * JSON object; a failure to stderr as one line, with exit status 1, or 3 when no
 * vendor describes GPUs. Started by daemon and monitor.
 */
#include "cdi.h"

#include <base/str.h>
#include <config.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <signal.h>

#define NO_GPU 3

static int print(cJSON *tree)
{
	_cleanup_free_ char *text = cJSON_PrintUnformatted(tree);
	cJSON_Delete(tree);
	return text && puts(text) >= 0 && fflush(stdout) == 0 ? 0 : 1;
}

static int list(const struct cdi_registry *r)
{
	_cleanup_strv_ char **names = cdi_list(r);
	cJSON *out = cJSON_CreateObject();
	json_add_strv(out, "devices", names, false);
	json_add_strv(out, "warnings", r->warnings, false);
	return print(out);
}

/* gpu=count:2 is gpu=0, gpu=1. */
static int expand_gpu(const char *kind, const char *what, char ***names)
{
	int64_t n;
	if (!str_starts(what, "count:"))
		return strv_pushf(names, "%s=%s", kind, what);
	if (!str_to_i64(what + strlen("count:"), &n) || n < 0 || n > 1024)
		return -1;
	for (int64_t i = 0; i < n; i++)
		if (strv_pushf(names, "%s=%lld", kind, (long long)i) < 0)
			return -1;
	return 0;
}

static int inject(const struct cdi_registry *r, char **asked)
{
	_cleanup_strv_ char **names = NULL;
	_cleanup_free_ char *gpu = cdi_gpu_kind(r);
	struct crl_err err = CRL_ERR_INIT;
	cJSON *edits = NULL;
	for (; *asked; asked++) {
		bool is_gpu = str_starts(*asked, "gpu=");
		if (is_gpu && !gpu)
			return NO_GPU;
		if ((is_gpu ? expand_gpu(gpu, *asked + strlen("gpu="), &names)
			    : strv_push(&names, *asked)) < 0)
			return 1;
	}
	static char *const none[] = {NULL};
	if (cdi_inject(r, names ? names : none, &edits, &err) == 0)
		return print(edits);
	fprintf(stderr, "%s\n", err.msg);
	for (char **w = r->warnings; w && *w; w++)
		fprintf(stderr, "%s\n", *w);
	return 1;
}

int main(int argc, char **argv)
{
	struct cdi_registry r = {0};
	struct crl_err err = CRL_ERR_INIT;
	char **names = NULL;
	if (argc == 2 && str_eq(argv[1], "--version")) {
		puts("crun-lite-cdi " CRL_VERSION);
		return 0;
	}
	if (argc < 2 || (!str_eq(argv[1], "list") && !str_eq(argv[1], "inject"))) {
		fputs("usage: crun-lite-cdi list DIR... | inject DIR... -- NAME...\n", stderr);
		return 2;
	}
	/* It reads files and prints: more than that is somebody else's idea. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)setrlimit(RLIMIT_AS, &(struct rlimit){512 << 20, 512 << 20});
	(void)setrlimit(RLIMIT_CPU, &(struct rlimit){20, 20});
	for (int i = 2; i < argc && !names; i++)
		if (str_eq(argv[i], "--")) {
			argv[i] = NULL;
			names = argv + i + 1;
		}
	static char *no_names[] = {NULL};
	if (cdi_registry_load(argv + 2, &r, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	int status = str_eq(argv[1], "list") ? list(&r) : inject(&r, names ? names : no_names);
	cdi_registry_free(&r);
	return status;
}
