/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verb "import": a root file system tar on descriptor 0 becomes an image of one layer. */
#include "new_image.h"

/* "linux/arm64/v8" or what the machine is. */
static int set_platform(struct crl_image *img, const cJSON *args, struct crl_err *err)
{
	const char *platform = json_get_str(args, "platform"), *arch = json_get_str(args, "arch");
	_cleanup_strv_ char **parts = strv_split(platform ? platform : "", "/", false);
	size_t n = strv_len(parts);

	if (n > 3 || (n > 0 && !str_eq(parts[0], "linux")))
		return crl_fail(err, CRL_INVALID, "platform \"%.60s\": only linux images run here",
				platform);
	img->os = strdup("linux");
	img->architecture = strdup(n > 1 ? parts[1] : arch ? arch : "amd64");
	img->variant = n > 2 ? strdup(parts[2]) : NULL;
	return img->os && img->architecture ? 0 : crl_fail_oom(err);
}

static int describe(struct crl_image *img, const cJSON *args, const struct crl_layer_info *layer,
		    struct crl_err *err)
{
	const char *message = json_get_str(args, "message");

	img->rootfs.type = strdup("layers");
	if (!img->rootfs.type || strv_push(&img->rootfs.diff_ids, layer->diff_id) < 0)
		return crl_fail_oom(err);
	return new_image_history(img, NULL, str_empty(message) ? "Imported from -" : message, NULL,
				 false, err);
}

static int import_image(struct worker *w, struct crl_image *img, struct crl_descriptor *layer,
			char manifest[80], char config[80], struct crl_err *err)
{
	struct crl_layer_info info;

	/* What the caller wrote is checked before the large input is read. */
	if (set_platform(img, w->args, err) < 0 ||
	    new_image_change(img, cJSON_GetObjectItemCaseSensitive(w->args, "changes"), err) < 0 ||
	    crl_layer_unpack(w->store, STDIN_FILENO, NULL, &info, err) < 0)
		return -1;
	if (describe(img, w->args, &info, err) < 0 || new_image_descriptor(&info, layer, err) < 0)
		return -1;
	return crl_image_write(w->store, img, layer, 1, manifest, config, err);
}

int import_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	struct crl_image img = {0};
	struct crl_descriptor layer = {0};
	char manifest[80], config[80];
	int r = import_image(w, &img, &layer, manifest, config, err);

	json_free(&crl_image_json, &img);
	json_free(&crl_descriptor_json, &layer);
	if (r < 0)
		return -1;
	*ret_result = new_image_result(config, manifest);
	return 0;
}
