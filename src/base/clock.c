/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times as Docker writes and reads them; declared in base/ident.h. */
#include <base/ident.h>
#include <base/str.h>

#include <ctype.h>
#include <inttypes.h>
#include <math.h>

#define NS 1000000000LL

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

int64_t time_now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t time_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

static size_t seconds_text(int64_t ns, char buf[TIME_BUF])
{
	time_t s = (time_t)(ns / NS);
	struct tm tm;
	gmtime_r(&s, &tm);
	return strftime(buf, TIME_BUF, "%Y-%m-%dT%H:%M:%S", &tm);
}

char *time_rfc3339_fixed(int64_t ns, char buf[TIME_BUF])
{
	if (ns < 0)
		ns = 0;
	size_t n = seconds_text(ns, buf);
	snprintf(buf + n, TIME_BUF - n, ".%09dZ", (int)(ns % NS));
	return buf;
}

char *time_rfc3339(int64_t ns, char buf[TIME_BUF])
{
	if (ns <= 0) {
		snprintf(buf, TIME_BUF, "0001-01-01T00:00:00Z");
		return buf;
	}
	time_rfc3339_fixed(ns, buf);
	size_t n = strlen(buf) - 1;
	while (buf[n - 1] == '0')
		n--;
	if (buf[n - 1] == '.')
		n--;
	buf[n] = 'Z';
	buf[n + 1] = '\0';
	return buf;
}

/* Digits behind a point as nanoseconds; more than nine are cut. */
static const char *parse_fraction(const char *p, int64_t *ret_ns)
{
	int64_t scale = NS / 10;
	*ret_ns = 0;
	for (; isdigit((unsigned char)*p); p++, scale /= 10)
		*ret_ns += (*p - '0') * scale;
	return p;
}

static bool parse_zone(const char *p, int64_t *ret_seconds)
{
	*ret_seconds = 0;
	if (!*p || str_eq(p, "Z") || str_eq(p, "z"))
		return true;
	int h, m, used = 0;
	if ((*p != '+' && *p != '-') || sscanf(p + 1, "%2d:%2d%n", &h, &m, &used) != 2 ||
	    used != 5 || p[6])
		return false;
	*ret_seconds = (h * 3600 + m * 60) * (*p == '-' ? -1 : 1);
	return true;
}

static bool parse_rfc3339(const char *s, int64_t *ret_ns)
{
	struct tm tm = {0};
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p)
		p = strptime(s, "%Y-%m-%dT%H:%M", &tm);
	if (!p)
		p = strptime(s, "%Y-%m-%d", &tm);
	if (!p || !isdigit((unsigned char)*s))
		return false;
	int64_t fraction = 0, zone;
	if (*p == '.')
		p = parse_fraction(p + 1, &fraction);
	if (!parse_zone(p, &zone))
		return false;
	*ret_ns = ((int64_t)timegm(&tm) - zone) * NS + fraction;
	return true;
}

bool time_parse(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	size_t digits = strspn(s, "0123456789");
	if (digits && digits < 12 && (!s[digits] || s[digits] == '.')) {
		int64_t fraction = 0;
		if (s[digits] == '.' && *parse_fraction(s + digits + 1, &fraction))
			return false;
		*ret_ns = strtoll(s, NULL, 10) * NS + fraction;
		return true;
	}
	int64_t ago;
	if (time_parse_duration(s, &ago)) {
		*ret_ns = now_ns - ago;
		return true;
	}
	return parse_rfc3339(s, ret_ns);
}

static double unit_ns(const char **p)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1},  {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"ms", 1e6},
		     {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t n = strlen(units[i].name);
		/* "m" must not swallow the start of "ms". */
		if (strncmp(*p, units[i].name, n) == 0) {
			*p += n;
			return units[i].ns;
		}
	}
	return 0;
}

bool time_parse_duration(const char *s, int64_t *ret_ns)
{
	bool negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	if (str_eq(s, "0")) {
		*ret_ns = 0;
		return true;
	}
	double total = 0;
	if (!*s)
		return false;
	while (*s) {
		if (!isdigit((unsigned char)*s) && *s != '.')
			return false;
		char *end;
		double v = strtod(s, &end);
		const char *p = end;
		if (end == s || memchr(s, 'x', (size_t)(end - s)) ||
		    memchr(s, 'e', (size_t)(end - s)))
			return false;
		double unit = unit_ns(&p);
		if (unit == 0)
			return false;
		total += v * unit;
		s = p;
	}
	if (total >= 9.2e18)
		return false;
	*ret_ns = (int64_t)(negative ? -total : total);
	return true;
}

char *time_human_duration(int64_t ns, char buf[TIME_BUF])
{
	int64_t s = ns / NS, m = s / 60;
	int64_t h = (int64_t)((double)s / 3600.0 + 0.5);
	if (s < 1)
		snprintf(buf, TIME_BUF, "Less than a second");
	else if (s == 1)
		snprintf(buf, TIME_BUF, "1 second");
	else if (s < 60)
		snprintf(buf, TIME_BUF, "%" PRId64 " seconds", s);
	else if (m == 1)
		snprintf(buf, TIME_BUF, "About a minute");
	else if (m < 60)
		snprintf(buf, TIME_BUF, "%" PRId64 " minutes", m);
	else if (h == 1)
		snprintf(buf, TIME_BUF, "About an hour");
	else if (h < 48)
		snprintf(buf, TIME_BUF, "%" PRId64 " hours", h);
	else if (h < 24 * 7 * 2)
		snprintf(buf, TIME_BUF, "%" PRId64 " days", h / 24);
	else if (h < 24 * 30 * 2)
		snprintf(buf, TIME_BUF, "%" PRId64 " weeks", h / 24 / 7);
	else if (h < 24 * 365 * 2)
		snprintf(buf, TIME_BUF, "%" PRId64 " months", h / 24 / 30);
	else
		snprintf(buf, TIME_BUF, "%" PRId64 " years", s / 3600 / 24 / 365);
	return buf;
}
