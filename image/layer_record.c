/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record file of an unpacked layer. Written before the layer enters the
 * store, never changed afterwards.
 */
#include "store_private.h"

#include <base/path.h>
#include <base/record.h>

#define RECORD_MAX (8U * 1024 * 1024)
#define RECORD_KIND "layer"

static const struct json_field layer_record_fields[] = {
	JSON_STR(struct layer_record, diff_id, "diffID", JSON_REQUIRED),
	JSON_STR(struct layer_record, blob, "blob", JSON_OMIT_EMPTY),
	JSON_I64(struct layer_record, blob_size, "blobSize", 0),
	JSON_I64(struct layer_record, bytes, "bytes", JSON_REQUIRED),
	JSON_I64(struct layer_record, entries, "entries", 0),
	JSON_BOOL(struct layer_record, cut, "cut", JSON_OMIT_EMPTY),
	JSON_STRV(struct layer_record, implicit, "implicit", JSON_OMIT_EMPTY),
};
const struct json_table layer_record_json =
	JSON_TABLE("layer record", struct layer_record, layer_record_fields);

int layer_record_write(int dir_fd, const struct layer_record *r, struct crl_err *err)
{
	_cleanup_free_ char *body = json_encode(&layer_record_json, r);
	size_t len = 0;
	_cleanup_free_ char *text = body ? record_text(RECORD_KIND, 1, body, &len) : NULL;
	if (!text)
		return crl_fail_oom(err);
	return path_write_atomic(dir_fd, STORE_LAYER_RECORD, text, len, 0600, false, err);
}

int layer_record_read(int dir_fd, struct layer_record *ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	const char *body;
	size_t len, body_len;

	if (path_read_file(dir_fd, STORE_LAYER_RECORD, RECORD_MAX, &text, &len, err) < 0)
		return -1;
	if (record_body(RECORD_KIND, 1, text, len, &body, &body_len, err) < 0)
		return crl_context(err, "layer");
	*ret = (struct layer_record){0};
	return json_decode(&layer_record_json, body, body_len, JSON_LAX, ret, err);
}
