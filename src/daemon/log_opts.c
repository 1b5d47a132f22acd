/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the table of log options: which driver knows which, and what its value must be. */
#include "log_opts.h"

#include "log_regex.h"
#include "log_tag.h"

const char *const log_drivers[] = {"journald", "json-file", "local", "syslog", NULL};

enum { JSON_FILE = 1 << 0, LOCAL = 1 << 1, JOURNALD = 1 << 2, SYSLOG = 1 << 3, ALL = 15 };

static int check_size(const char *key, const char *value, struct crl_err *err)
{
	int64_t n;
	if (str_eq(value, "-1") || str_parse_size(value, &n, err) == 0)
		return 0;
	return crl_context(err, "invalid log opt %s", key);
}

static int check_files(const char *key, const char *value, struct crl_err *err)
{
	int64_t n;
	if (!str_to_i64(value, &n))
		return crl_fail(err, CRL_INVALID, "invalid log opt %s: \"%s\" is not a number", key,
				value);
	return n < 1 ? crl_fail(err, CRL_INVALID, "max-file cannot be less than 1") : 0;
}

/* What Go's strconv.ParseBool takes. */
static int parse_bool(const char *value)
{
	static const char *const words[2][6] = {{"0", "f", "F", "false", "FALSE", "False"},
						{"1", "t", "T", "true", "TRUE", "True"}};
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < 6; k++)
			if (str_eq(value, words[i][k]))
				return i;
	return -1;
}

static int check_bool(const char *key, const char *value, struct crl_err *err)
{
	if (parse_bool(value) >= 0)
		return 0;
	return crl_fail(err, CRL_INVALID,
			"invalid log opt %s: strconv.ParseBool: parsing \"%s\": invalid syntax",
			key, value);
}

static int check_mode(const char *key, const char *value, struct crl_err *err)
{
	if (str_empty(value) || str_eq(value, "blocking") || str_eq(value, "non-blocking"))
		return 0;
	return crl_fail(err, CRL_INVALID, "logger: logging mode not supported: %s", value);
}

static int check_buffer(const char *key, const char *value, struct crl_err *err)
{
	int64_t n;
	if (str_parse_size(value, &n, err) == 0)
		return 0;
	return crl_context(err, "error parsing option max-buffer-size");
}

static int check_regex(const char *key, const char *value, struct crl_err *err)
{
	regex_t re;
	if (!log_regex_compile(value, &re))
		return crl_fail(err, CRL_INVALID,
				"invalid log opt %s: error parsing regexp: \"%.200s\"", key, value);
	regfree(&re);
	return 0;
}

static int check_tag(const char *key, const char *value, struct crl_err *err)
{
	static const struct log_info empty = {0};
	_cleanup_free_ char *tag = NULL;
	return log_tag_expand(value, &empty, &tag, err);
}

static int check_address(const char *key, const char *value, struct crl_err *err)
{
	static const char *const schemes[] = {"unix://", "unixgram://", "tcp://", "udp://"};
	if (str_empty(value))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (str_starts(value, schemes[i]))
			return value[strlen(schemes[i])]
				       ? 0
				       : crl_fail(err, CRL_INVALID, "invalid address: %s", value);
	if (str_starts(value, "tcp+tls://"))
		return crl_fail(err, CRL_INVALID,
				"unsupported scheme: 'tcp+tls': syslog over TLS is not available; "
				"use a local relay");
	return crl_fail(err, CRL_INVALID, "unsupported scheme: '%.*s'",
			strstr(value, "://") ? (int)strcspn(value, ":") : 0, value);
}

static int check_facility(const char *key, const char *value, struct crl_err *err)
{
	return log_facility(value) >= 0 ? 0 : crl_fail(err, CRL_INVALID, "invalid syslog facility");
}

static int check_format(const char *key, const char *value, struct crl_err *err)
{
	if (str_empty(value) || str_eq(value, "rfc3164") || str_eq(value, "rfc5424") ||
	    str_eq(value, "rfc5424micro"))
		return 0;
	return crl_fail(err, CRL_INVALID, "Invalid syslog format");
}

static const struct {
	const char *key;
	unsigned drivers;
	int (*check)(const char *key, const char *value, struct crl_err *err);
} options[] = {
	{"max-size", JSON_FILE | LOCAL, check_size},
	{"max-file", JSON_FILE | LOCAL, check_files},
	{"compress", JSON_FILE | LOCAL, check_bool},
	{"labels", ALL, NULL},
	{"labels-regex", ALL, check_regex},
	{"env", ALL, NULL},
	{"env-regex", ALL, check_regex},
	{"tag", ALL, check_tag},
	{"mode", ALL, check_mode},
	{"max-buffer-size", ALL, check_buffer},
	{"cache-disabled", ALL, check_bool},
	{"cache-max-size", ALL, check_size},
	{"cache-max-file", ALL, check_files},
	{"cache-compress", ALL, check_bool},
	{"syslog-address", SYSLOG, check_address},
	{"syslog-facility", SYSLOG, check_facility},
	{"syslog-format", SYSLOG, check_format},
};

static int check_option(const char *driver, unsigned bit, const char *key, const char *value,
			struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!str_eq(options[i].key, key) || !(options[i].drivers & bit))
			continue;
		return options[i].check ? options[i].check(key, value, err) : 0;
	}
	return crl_fail(err, CRL_INVALID, "unknown log opt '%s' for %s log driver", key, driver);
}

static int check_together(unsigned bit, const struct strmap *c, struct crl_err *err)
{
	const char *files = strmap_get(c, "max-file"), *size = strmap_get(c, "max-size");
	bool one = files && atoll(files) < 2;
	if (strmap_get(c, "max-buffer-size") && !str_eq(strmap_get(c, "mode"), "non-blocking"))
		return crl_fail(err, CRL_INVALID,
				"logger: max-buffer-size option is only supported with "
				"'mode=non-blocking'");
	if (bit == JSON_FILE && log_opt_bool(c, "compress", false) &&
	    (one || !files || !size || str_eq(size, "-1")))
		return crl_fail(err, CRL_INVALID,
				"compress cannot be true when max-file is less than 2 or max-size "
				"is not set");
	if (bit == LOCAL && one && log_opt_bool(c, "compress", true))
		return crl_fail(err, CRL_INVALID,
				"compression cannot be enabled when max file count is 1");
	return 0;
}

int log_opts_check(const char *driver, const struct strmap *config, struct crl_err *err)
{
	static const unsigned bits[] = {JOURNALD, JSON_FILE, LOCAL, SYSLOG};
	unsigned bit = 0;
	if (str_eq(driver, "none"))
		return 0;
	if (str_empty(driver))
		driver = "json-file";
	for (size_t i = 0; log_drivers[i]; i++)
		if (str_eq(driver, log_drivers[i]))
			bit = bits[i];
	if (!bit)
		return crl_fail(err, CRL_INVALID, "logger: no log driver named '%s' is registered",
				driver);
	for (size_t i = 0; i < config->n; i++)
		if (check_option(driver, bit, config->items[i].key, config->items[i].value, err) <
		    0)
			return -1;
	return check_together(bit, config, err);
}

int log_facility(const char *name)
{
	static const char *const names[24] = {
		"kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
		"uucp",   "cron",   "authpriv", "ftp",    NULL,     NULL,     NULL,     NULL,
		"local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
	int64_t n;
	if (str_empty(name))
		return 3;
	if (str_to_i64(name, &n))
		return n >= 0 && n < 24 ? (int)n : -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && str_eq(name, names[i]))
			return (int)i;
	return -1;
}

bool log_opt_bool(const struct strmap *config, const char *key, bool absent)
{
	const char *value = strmap_get(config, key);
	return value ? parse_bool(value) == 1 : absent;
}
