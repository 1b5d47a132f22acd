/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record file of an unpacked layer. Written before the layer enters the
 * store, never changed afterwards.
 */
#include "store_private.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/path.h>

#include <inttypes.h>

#define RECORD_MAX (8U * 1024 * 1024)
#define RECORD_MAGIC "crun-lite-layer 1 "

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
	_cleanup_buf_ struct buf b = BUF_INIT;
	char hex[SHA256_HEX + 1];

	if (!body)
		return crl_fail_oom(err);
	ident_sha256(body, strlen(body), hex);
	buf_printf(&b, RECORD_MAGIC "%zu %s\n%s", strlen(body), hex, body);
	if (b.failed)
		return crl_fail_oom(err);
	return path_write_atomic(dir_fd, STORE_LAYER_RECORD, b.data, b.len, 0600, false, err);
}

static int damaged(struct crl_err *err)
{
	return crl_fail(err, CRL_IO, "layer record: damaged");
}

int layer_record_read(int dir_fd, struct layer_record *ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	char hex[SHA256_HEX + 1], expected[SHA256_HEX + 1];
	size_t len, body_len;
	int head = 0;

	if (path_read_file(dir_fd, STORE_LAYER_RECORD, RECORD_MAX, &text, &len, err) < 0)
		return -1;
	if (sscanf(text, RECORD_MAGIC "%zu %64[0-9a-f]%n", &body_len, expected, &head) != 2 ||
	    head == 0 || text[head] != '\n' || (size_t)head + 1 + body_len != len)
		return damaged(err);
	ident_sha256(text + head + 1, body_len, hex);
	if (strcmp(hex, expected) != 0)
		return damaged(err);
	*ret = (struct layer_record){0};
	return json_decode(&layer_record_json, text + head + 1, body_len, JSON_LAX, ret, err);
}
