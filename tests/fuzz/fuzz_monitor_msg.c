/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What daemon and monitor read from each other: any bytes are refused or give
 * structs that survive encoding and decoding unchanged. Detach keys, which come
 * from an API client, are parsed and fed on the way.
 */
#include <base/cleanup.h>
#include <base/json.h>
#include <crun-lite/monitor_proto.h>
#include <stdlib.h>
#include <string.h>

#include <base/keys.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_table *const tables[] = {
	&mon_start_json,   &mon_attach_json, &mon_exec_json,  &mon_resize_json, &mon_signal_json,
	&mon_started_json, &mon_exit_json,   &mon_state_json, &mon_error_json,
};

static void round_trip(const struct json_table *t, const cJSON *tree)
{
	_cleanup_free_ void *a = calloc(1, t->size), *b = calloc(1, t->size);
	struct crl_err err;
	if (!a || !b || json_decode_tree(t, tree, JSON_LAX, a, &err) < 0)
		return;
	_cleanup_free_ char *first = json_encode(t, a);
	/* Numbers may be finite in text and not as a double; those do not come back. */
	if (first && json_decode(t, first, strlen(first), JSON_LAX, b, &err) == 0) {
		_cleanup_free_ char *second = json_encode(t, b);
		if (!second || strcmp(first, second) != 0)
			abort();
		json_free(t, b);
	} else {
		abort();
	}
	json_free(t, a);
}

static void try_keys(const cJSON *tree)
{
	const char *text = json_get_str(tree, "detach_keys");
	struct keys k;
	if (!text || keys_parse(text, &k, NULL) < 0)
		return;
	uint8_t out[64 + KEYS_MAX];
	size_t n, in = strlen(text) < 64 ? strlen(text) : 64;
	(void)keys_feed(&k, (const uint8_t *)text, in, out, &n);
	if (n > in)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_err err;
	if (json_parse((const char *)data, size, MON_MSG_MAX, &tree, &err) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		round_trip(tables[i], tree);
	try_keys(tree);
	return 0;
}
