/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptions of devices: the first byte chooses YAML or JSON; what is accepted is merged. */
#include <stddef.h>
#include <stdint.h>

#include <base/str.h>
#include <worker/cdi.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* libfyaml 0.7 forgets what it had read of a broken quote; crun-lite-cdi ends after one reading. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cdi_registry r = {0};
	struct crl_err err = CRL_ERR_INIT;
	cJSON *spec = NULL, *edits = NULL;
	char *text;
	if (size < 1 || !(text = strndup((const char *)data + 1, size - 1)))
		return 0;
	if (cdi_spec_parse(text, strlen(text), data[0] & 1, &spec, &err) == 0 &&
	    cdi_registry_add(&r, spec, 0, &err) == 0) {
		char **names = cdi_list(&r);
		if (names && cdi_inject(&r, names, &edits, &err) == 0)
			cJSON_Delete(edits);
		strv_free(names);
	}
	cdi_registry_free(&r);
	free(text);
	return 0;
}
