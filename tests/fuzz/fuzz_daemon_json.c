/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon.json: parsed, judged, merged with flags, compared and printed as a reload does it. */
#include <daemon/config.h>
#include <daemon/config_keys.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct daemon_config *c)
{
	struct daemon_config copy = {0};
	struct strmap attributes = {0};
	struct crl_err err;

	if (config_merge(&copy, c, &err) == 0 && config_set_presets(&copy, &err) == 0) {
		for (size_t i = 0; i < config_n_rows; i++) {
			const struct config_row *row = &config_rows[i];

			if (row->check)
				(void)row->check(&copy, row, &err);
			if (row->use == CONFIG_HONOURED)
				(void)config_same(c, &copy, row);
		}
		config_reloadable(&copy, &attributes);
	}
	strmap_free(&attributes);
	config_free(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct daemon_config flags = {0}, c = {0};
	struct crl_err err = CRL_ERR_INIT;
	char *text = size <= 65536 ? malloc(size + 1) : NULL;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	/* Row 0 is given as a flag, so that conflicts are met, too. */
	(void)config_set_text(&flags, 0, "/flag", &err);
	if (config_parse_file(text, size, &flags, &c, &err) == 0)
		use(&c);
	config_free(&c);
	config_free(&flags);
	free(text);
	return 0;
}
