/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First line: a path; the rest: .dockerignore rules for it. */
#include <stdint.h>
#include <stdlib.h>

#include <base/str.h>
#include "dockerignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = memchr(data, '\n', size);
	struct crl_err err = CRL_ERR_INIT;
	struct dockerignore *ig = NULL;

	if (!nl)
		return 0;
	size_t n = (size_t)(nl - data);
	_cleanup_free_ char *path = strndup((const char *)data, n);
	if (!path)
		return 0;
	if (dockerignore_parse("x", (const char *)nl + 1, size - n - 1, &ig, &err) < 0)
		return 0;
	bool excluded = dockerignore_excluded(ig, path);
	/* A rule cannot both prune a folder and bring back what is in it. */
	_cleanup_free_ char *below = NULL;
	if (asprintf(&below, "%s/f", path) < 0)
		below = NULL;
	if (below && *path && excluded && !dockerignore_may_include_below(ig, path) &&
	    !dockerignore_excluded(ig, below))
		abort();
	dockerignore_free(ig);
	return 0;
}
