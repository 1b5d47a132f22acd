/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Image references: text to {domain, path, tag, digest} and back, by the
 * rules of Docker's clients (default domain docker.io, prefix library/,
 * default tag latest). Pure text, no file, no network.
 */
#include <crun-lite/image.h>

#include <ctype.h>

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN "index.docker.io"
#define OFFICIAL_PREFIX "library/"
#define NAME_MAX_LEN 255
#define TAG_MAX_LEN 128

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool crl_digest_ok(const char *s)
{
	static const char prefix[] = "sha256:";

	if (!s || strncmp(s, prefix, sizeof(prefix) - 1) != 0)
		return false;
	s += sizeof(prefix) - 1;
	for (size_t i = 0; i < 64; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return s[64] == '\0';
}

/* One or more lower-case letters and digits, joined by ".", "_", "__" or any number of "-". */
static bool component_ok(const char *s, size_t len)
{
	size_t i = 0;

	if (len == 0 || !is_lower_alnum(s[0]))
		return false;
	while (i < len) {
		while (i < len && is_lower_alnum(s[i]))
			i++;
		if (i == len)
			return true;
		if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i++;
			if (i < len && s[i] == '_')
				i++;
		} else if (s[i] == '-') {
			while (i < len && s[i] == '-')
				i++;
		} else {
			return false;
		}
		if (i == len || !is_lower_alnum(s[i]))
			return false;
	}
	return true;
}

static bool path_ok(const char *path)
{
	const char *p = path;

	for (;;) {
		const char *slash = strchrnul(p, '/');
		if (!component_ok(p, (size_t)(slash - p)))
			return false;
		if (!*slash)
			return true;
		p = slash + 1;
	}
}

static bool host_label_ok(const char *s, size_t len)
{
	if (len == 0 || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

static bool port_ok(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s < '0' || *s > '9')
			return false;
	return true;
}

/* "[v6]" or dot-separated labels, then an optional ":port". */
static bool domain_ok(const char *domain)
{
	const char *end, *p = domain;

	if (*domain == '[') {
		end = strchr(domain, ']');
		if (!end || end == domain + 1)
			return false;
		for (p = domain + 1; p < end; p++)
			if (!isxdigit((unsigned char)*p) && *p != ':')
				return false;
		end++;
	} else {
		end = strchrnul(domain, ':');
		while (p <= end) {
			const char *dot = memchr(p, '.', (size_t)(end - p));
			if (!dot)
				dot = end;
			if (!host_label_ok(p, (size_t)(dot - p)))
				return false;
			p = dot + 1;
		}
	}
	return !*end || (*end == ':' && port_ok(end + 1));
}

static bool tag_ok(const char *tag)
{
	size_t len = strlen(tag);

	if (len == 0 || len > TAG_MAX_LEN || !(is_alnum(tag[0]) || tag[0] == '_'))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_alnum(tag[i]) && tag[i] != '_' && tag[i] != '.' && tag[i] != '-')
			return false;
	return true;
}

/* Whether what stands before the first "/" names a host and not a part of the path. */
static bool looks_like_domain(const char *s, size_t len)
{
	if (len == strlen("localhost") && memcmp(s, "localhost", len) == 0)
		return true;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z'))
			return true;
	return false;
}

void crl_ref_free(struct crl_ref *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	free(r->digest);
	*r = (struct crl_ref){0};
}

static bool is_bare_id(const char *s)
{
	for (size_t i = 0; i < 64; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return s[64] == '\0';
}

/* Cuts "@digest" and ":tag" off the writable `name` into r. */
static int split_suffixes(char *name, struct crl_ref *r, struct crl_err *err)
{
	char *at = strchr(name, '@');

	if (at) {
		*at = '\0';
		if (!crl_digest_ok(at + 1))
			return crl_fail(err, CRL_INVALID, "invalid reference format");
		r->digest = strdup(at + 1);
		if (!r->digest)
			return crl_fail_oom(err);
	}

	char *slash = strrchr(name, '/');
	char *colon = strchr(slash ? slash : name, ':');
	if (colon) {
		*colon = '\0';
		if (!tag_ok(colon + 1))
			return crl_fail(err, CRL_INVALID, "invalid reference format");
		r->tag = strdup(colon + 1);
		if (!r->tag)
			return crl_fail_oom(err);
	}
	return 0;
}

/* Splits the rest into domain and path and adds the defaults. */
static int split_name(const char *name, struct crl_ref *r, struct crl_err *err)
{
	const char *slash = strchr(name, '/');
	const char *path = name;
	const char *prefix = "";

	if (slash && looks_like_domain(name, (size_t)(slash - name))) {
		r->domain = strndup(name, (size_t)(slash - name));
		path = slash + 1;
	} else {
		r->domain = strdup(DEFAULT_DOMAIN);
	}
	if (!r->domain)
		return crl_fail_oom(err);
	if (str_eq(r->domain, LEGACY_DOMAIN))
		memcpy(r->domain, DEFAULT_DOMAIN, sizeof(DEFAULT_DOMAIN));
	if (str_eq(r->domain, DEFAULT_DOMAIN) && !strchr(path, '/'))
		prefix = OFFICIAL_PREFIX;
	if (asprintf(&r->path, "%s%s", prefix, path) < 0) {
		r->path = NULL;
		return crl_fail_oom(err);
	}
	return 0;
}

static int check_name(const struct crl_ref *r, struct crl_err *err)
{
	if (!domain_ok(r->domain))
		return crl_fail(err, CRL_INVALID, "invalid reference format");
	if (!path_ok(r->path)) {
		for (const char *p = r->path; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				return crl_fail(err, CRL_INVALID,
						"invalid reference format: repository name (%s) "
						"must be lowercase",
						r->path);
		return crl_fail(err, CRL_INVALID, "invalid reference format");
	}
	if (strlen(r->domain) + 1 + strlen(r->path) > NAME_MAX_LEN)
		return crl_fail(err, CRL_INVALID,
				"invalid reference format: repository name must not be more than "
				"%d characters",
				NAME_MAX_LEN);
	return 0;
}

static int parse_into(const char *text, struct crl_ref *r, struct crl_err *err)
{
	_cleanup_free_ char *name = strdup(text);

	if (!name)
		return crl_fail_oom(err);
	if (is_bare_id(name))
		return crl_fail(err, CRL_INVALID,
				"invalid repository name (%s), cannot specify 64-byte hexadecimal "
				"strings",
				name);
	if (split_suffixes(name, r, err) < 0 || split_name(name, r, err) < 0 ||
	    check_name(r, err) < 0)
		return -1;
	if (!r->tag && !r->digest) {
		r->tag = strdup("latest");
		if (!r->tag)
			return crl_fail_oom(err);
	}
	return 0;
}

int crl_ref_parse(const char *text, struct crl_ref *ret, struct crl_err *err)
{
	struct crl_ref r = {0};

	/* Longest name, "@", digest, ":", tag: more is refused before it is looked at. */
	if (!text || strlen(text) > NAME_MAX_LEN + 1 + 71 + 1 + TAG_MAX_LEN)
		return crl_fail(err, CRL_INVALID, "invalid reference format");
	if (parse_into(text, &r, err) < 0) {
		crl_ref_free(&r);
		return -1;
	}
	*ret = r;
	return 0;
}

static char *with_suffixes(const struct crl_ref *r, const char *domain, const char *path)
{
	char *out;

	if (asprintf(&out, "%s%s%s%s%s%s%s", domain, *domain ? "/" : "", path, r->tag ? ":" : "",
		     r->tag ? r->tag : "", r->digest ? "@" : "", r->digest ? r->digest : "") < 0)
		return NULL;
	return out;
}

/* A short form only where reading it again gives the same: "docker.io/a.b/c" must keep its host. */
static void shorten(const struct crl_ref *r, const char **ret_domain, const char **ret_path)
{
	const char *slash = strchr(r->path, '/');
	size_t n = strlen(OFFICIAL_PREFIX);
	bool official = strncmp(r->path, OFFICIAL_PREFIX, n) == 0 && !strchr(r->path + n, '/');

	*ret_domain = r->domain;
	*ret_path = r->path;
	if (!str_eq(r->domain, DEFAULT_DOMAIN) ||
	    (slash && looks_like_domain(r->path, (size_t)(slash - r->path))))
		return;
	*ret_domain = "";
	if (official && !(strlen(r->path + n) == 64 && is_bare_id(r->path + n)))
		*ret_path = r->path + n;
}

char *crl_ref_familiar(const struct crl_ref *r)
{
	const char *domain, *path;

	shorten(r, &domain, &path);
	return with_suffixes(r, domain, path);
}

char *crl_ref_familiar_name(const struct crl_ref *r)
{
	struct crl_ref bare = {.domain = r->domain, .path = r->path};

	return crl_ref_familiar(&bare);
}

char *crl_ref_full(const struct crl_ref *r)
{
	return with_suffixes(r, r->domain, r->path);
}
