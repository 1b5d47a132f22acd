/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dockerfile text through the parser, and every word through the expansion. */
#include <stdint.h>
#include <stdlib.h>

#include <base/str.h>
#include "dockerfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get(const char *name, void *data)
{
	return *name < 'h' ? "va lue/a.b" : *name < 'p' ? "" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dockerfile_vars vars = {.get = get};
	struct dockerfile df;
	struct crl_err err = CRL_ERR_INIT;

	if (dockerfile_parse("Dockerfile", (const char *)data, size, &df, &err) < 0) {
		if (err.code == CRL_OK || !*err.msg)
			abort(); /* a failure must say what */
		return 0;
	}
	for (size_t i = 0; i < df.n_insns; i++) {
		for (size_t j = 0; df.insns[i].args && df.insns[i].args[j]; j++) {
			char *text = NULL, **words = NULL;
			if (dockerfile_expand(df.insns[i].args[j], df.escape,
					      DOCKERFILE_EXPAND_WORD, &vars, &text, &err) == 0)
				free(text);
			if (dockerfile_expand_split(df.insns[i].args[j], df.escape, &vars, &words,
						    &err) == 0)
				strv_free(words);
		}
	}
	dockerfile_free(&df);
	return 0;
}
