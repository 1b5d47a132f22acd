/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Manifest, index and image config: what is accepted has only usable digests and sizes. */
#include <crun-lite/image.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_descriptor(const struct crl_descriptor *d)
{
	check(crl_digest_ok(d->digest) && d->size >= 0 && d->media_type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct crl_err err = CRL_ERR_INIT;
	struct crl_manifest m;
	struct crl_index index;
	struct crl_image img;
	int kinds = 0;

	if (crl_manifest_parse(text, size, &m, &err) == 0) {
		kinds++;
		check_descriptor(&m.config);
		for (size_t i = 0; i < m.n_layers; i++)
			check_descriptor(&m.layers[i]);
		json_free(&crl_manifest_json, &m);
	}
	if (crl_index_parse(text, size, &index, &err) == 0) {
		kinds++;
		for (size_t i = 0; i < index.n_manifests; i++)
			check_descriptor(&index.manifests[i]);
		json_free(&crl_index_json, &index);
	}
	check(kinds < 2); /* no document is two things at once */
	if (crl_image_parse(text, size, &img, &err) == 0) {
		for (char **d = img.rootfs.diff_ids; d && *d; d++)
			check(crl_digest_ok(*d));
		json_free(&crl_image_json, &img);
	}
	return 0;
}
