/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The head of an HTTP/1.1 response: status line and the few header fields the
 * client acts on (RFC 9112 sections 4 to 7). Pure; fuzzed.
 */
#include <cli/http.h>

#include <ctype.h>
#include <strings.h>

struct header {
	const char *name;
	int (*apply)(struct http_response *r, const char *value, struct crl_err *err);
};

/* The framing must be beyond doubt, or the next answer on this connection is misread. */
static int set_length(struct http_response *r, const char *value, struct crl_err *err)
{
	uint64_t n;
	if (!str_to_u64(value, &n) || (r->framing == HTTP_BODY_LENGTH && r->remaining != n))
		return crl_fail(err, CRL_IO, "malformed Content-Length from the daemon");
	if (r->framing == HTTP_BODY_CHUNKED)
		return 0;
	r->framing = HTTP_BODY_LENGTH;
	r->remaining = n;
	return 0;
}

static int set_transfer(struct http_response *r, const char *value, struct crl_err *err)
{
	if (strcasecmp(value, "chunked") != 0)
		return crl_fail(err, CRL_IO, "unknown Transfer-Encoding from the daemon");
	r->framing = HTTP_BODY_CHUNKED;
	r->remaining = 0;
	r->first_chunk = true;
	return 0;
}

static int set_connection(struct http_response *r, const char *value, struct crl_err *err)
{
	if (strcasecmp(value, "close") == 0)
		r->keep_alive = false;
	return 0;
}

static int set_version(struct http_response *r, const char *value, struct crl_err *err)
{
	snprintf(r->api_version, sizeof r->api_version, "%s", value);
	return 0;
}

static int set_type(struct http_response *r, const char *value, struct crl_err *err)
{
	snprintf(r->content_type, sizeof r->content_type, "%s", value);
	return 0;
}

static int set_stat(struct http_response *r, const char *value, struct crl_err *err)
{
	free(r->path_stat);
	r->path_stat = strdup(value);
	return r->path_stat ? 0 : crl_fail_oom(err);
}

static const struct header headers[] = {
	{"Content-Length", set_length}, {"Transfer-Encoding", set_transfer},
	{"Connection", set_connection}, {"Api-Version", set_version},
	{"Content-Type", set_type},     {"X-Docker-Container-Path-Stat", set_stat},
};

static int apply_line(struct http_response *r, char *line, struct crl_err *err)
{
	char *colon = strchr(line, ':');
	if (!colon || colon == line)
		return crl_fail(err, CRL_IO, "malformed header from the daemon");
	*colon = 0;
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t len = strlen(value);
	while (len && isspace((unsigned char)value[len - 1]))
		value[--len] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (strcasecmp(headers[i].name, line) == 0)
			return headers[i].apply(r, value, err);
	return 0;
}

static int status_line(struct http_response *r, const char *line, struct crl_err *err)
{
	if (!str_starts(line, "HTTP/1.") || !isdigit((unsigned char)line[7]) || line[8] != ' ' ||
	    !isdigit((unsigned char)line[9]) || !isdigit((unsigned char)line[10]) ||
	    !isdigit((unsigned char)line[11]) || (line[12] && line[12] != ' '))
		return crl_fail(err, CRL_IO,
				"the answer is not HTTP; is the host address a daemon's socket?");
	r->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	r->keep_alive = line[7] != '0';
	return 0;
}

static int parse_lines(struct http_response *r, char *text, struct crl_err *err)
{
	bool first = true;
	for (char *line = text, *next; *line; line = next, first = false) {
		char *nl = strchr(line, '\n');
		next = nl ? nl + 1 : line + strlen(line);
		if (nl)
			*nl = 0;
		size_t len = strlen(line);
		if (len && line[len - 1] == '\r')
			line[--len] = 0;
		if (!len)
			continue;
		if ((first ? status_line(r, line, err) : apply_line(r, line, err)) < 0)
			return -1;
	}
	return r->status ? 0 : crl_fail(err, CRL_IO, "the answer is not HTTP");
}

/* Length of the head with its empty line, 0 when it is not complete. */
static size_t head_length(const char *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (data[i] != '\n')
			continue;
		if (data[i + 1] == '\n')
			return i + 2;
		if (i + 2 < len && data[i + 1] == '\r' && data[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

ssize_t http_parse_head(const char *data, size_t len, bool head, struct http_response *ret,
			struct crl_err *err)
{
	_cleanup_response_ struct http_response r = {.framing = HTTP_BODY_CLOSE};
	size_t n = head_length(data, len);
	if ((n ? n : len) > HTTP_MAX_HEAD)
		return crl_fail(err, CRL_IO, "the head of the daemon's answer is too long");
	if (!n)
		return 0;
	if (memchr(data, 0, n))
		return crl_fail(err, CRL_IO, "malformed header from the daemon");
	_cleanup_free_ char *text = strndup(data, n);
	if (!text)
		return crl_fail_oom(err);
	if (parse_lines(&r, text, err) < 0)
		return -1;
	if (head || r.status < 200 || r.status == 204 || r.status == 304)
		r.framing = HTTP_BODY_NONE;
	if (r.framing == HTTP_BODY_CLOSE)
		r.keep_alive = false;
	*ret = r;
	r.path_stat = NULL;
	return (ssize_t)n;
}

void http_response_free(struct http_response *r)
{
	free(r->path_stat);
	r->path_stat = NULL;
}
