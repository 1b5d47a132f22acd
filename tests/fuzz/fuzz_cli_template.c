/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Templates of --format, which scripts build from who knows what; and the JSON printer. */
#include <stdint.h>

#include <cli/listing.h>
#include <cli/template.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_cjson_ cJSON *value = cJSON_Parse(
		"{\"Name\":\"web\",\"N\":3,\"L\":[\"a\",{\"b\":null}],\"M\":{\"k\":\"v\"}}");
	_cleanup_tpl_ struct tpl *t = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_buf_ struct buf indented = BUF_INIT;
	struct crl_err err = CRL_ERR_INIT;
	if (!text || !value)
		return 0;
	if (template_parse(text, &t, &err) == 0)
		(void)template_exec(t, value, value, &out, &err);
	listing_indent_json(text, 1, &indented);
	return 0;
}
