/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole image archives into a store: refused without a trace, or every image of the answer is
 * complete. */
#include <image/image_archive.h>

#include <base/fd.h>
#include <base/path.h>

#include <fcntl.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_image(struct crl_store *s, const struct loaded_image *l)
{
	struct crl_err err = CRL_ERR_INIT;
	struct crl_manifest m;
	struct crl_image img;

	check(crl_store_load_manifest(s, l->manifest, &m, &err) == 0);
	check(str_eq(m.config.digest, l->id));
	check(crl_store_load_image(s, l->id, &img, &err) == 0);
	for (size_t i = 0; i < m.n_layers; i++)
		check(crl_store_has_blob(s, m.layers[i].digest) &&
		      crl_store_has_layer(s, img.rootfs.diff_ids[i]));
	json_free(&crl_manifest_json, &m);
	json_free(&crl_image_json, &img);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dir[] = "/tmp/crl-fuzz-XXXXXX";
	struct crl_err err = CRL_ERR_INIT;
	struct loaded loaded;
	struct crl_store *s = NULL;
	int fd = -1;

	check(mkdtemp(dir) && crl_store_open(dir, &s, &err) == 0);
	check(fd_sealed_memfd("archive", data, size, &fd, &err) == 0);
	if (archive_load(s, fd, NULL, NULL, &loaded, &err) == 0) {
		for (size_t i = 0; i < loaded.n; i++)
			check_image(s, &loaded.images[i]);
		loaded_free(&loaded);
	} else {
		check(err.code != CRL_OK && *err.msg);
	}
	close(fd);
	crl_store_close(s);
	check(path_remove_tree(AT_FDCWD, dir, &err) == 0);
	return 0;
}
