/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References: what is accepted is printed in a form that means the same, and fits file names and
 * URLs. */
#include <crun-lite/image.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const char *text, const struct crl_ref *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct crl_ref again;

	if (!text || crl_ref_parse(text, &again, &err) < 0)
		abort();
	if (!str_eq(r->domain, again.domain) || !str_eq(r->path, again.path) ||
	    !str_eq(r->tag, again.tag) || !str_eq(r->digest, again.digest))
		abort();
	crl_ref_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	struct crl_err err = CRL_ERR_INIT;
	struct crl_ref r;

	if (crl_ref_parse(text, &r, &err) < 0) {
		if (err.code != CRL_INVALID)
			abort();
		return 0;
	}
	_cleanup_free_ char *full = crl_ref_full(&r), *familiar = crl_ref_familiar(&r);
	same(full, &r);
	same(familiar, &r);
	if (strstr(r.path, "..") || strstr(r.path, "//") || r.path[0] == '/')
		abort();
	crl_ref_free(&r);
	return 0;
}
