/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and host names of `run` and `create`. */
#include <cli/create.h>

#include <arpa/inet.h>
#include <strings.h>

static int invalid(struct crl_err *err, const char *what, const char *text)
{
	return crl_fail(err, CRL_INVALID, "invalid %s: %s", what, text);
}

/* "80" or "8000-8010"; an empty text is 0-0. */
static bool parse_range(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
	_cleanup_strv_ char **part = strv_split(text, "-", true);
	size_t n = part ? strv_len(part) : 0;
	if (!*text) {
		*ret_first = *ret_last = 0;
		return true;
	}
	if (n < 1 || n > 2 || !str_to_u64(part[0], ret_first) || !str_to_u64(part[n - 1], ret_last))
		return false;
	return *ret_first <= *ret_last && *ret_last <= 65535 && *ret_first >= 1;
}

/* Cuts "/tcp" off; NULL = unknown protocol. */
static const char *take_protocol(char *text)
{
	char *slash = strchr(text, '/');
	if (!slash)
		return "tcp";
	*slash = 0;
	static const char *const known[] = {"tcp", "udp", "sctp"};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(slash + 1, known[i]) == 0)
			return known[i];
	return NULL;
}

static void expose(struct create *c, uint64_t port, const char *protocol, char key[32])
{
	cJSON *exposed = create_object(c->config, "ExposedPorts");
	snprintf(key, 32, "%u/%s", (unsigned)port, protocol);
	(void)create_object(exposed, key);
}

int create_expose(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		_cleanup_free_ char *copy = strdup(*v);
		uint64_t first, last;
		char name[32];
		if (!copy)
			return crl_fail_oom(err);
		const char *protocol = take_protocol(copy);
		if (!protocol || !*copy || !parse_range(copy, &first, &last))
			return crl_fail(err, CRL_INVALID, "invalid port format for --expose: %s",
					*v);
		for (; first <= last; first++)
			expose(c, first, protocol, name);
	}
	return 0;
}

static void bind_port(struct create *c, uint64_t port, const char *protocol, const char *ip,
		      const char *host_port)
{
	char name[32];
	expose(c, port, protocol, name);
	cJSON *list = create_array(create_object(c->host, "PortBindings"), name);
	cJSON *item = cJSON_CreateObject();
	json_add_str(item, "HostIp", ip);
	json_add_str(item, "HostPort", host_port);
	cJSON_AddItemToArray(list, item);
}

/* Splits "[ip:]host:container" at the last colons; IPv6 addresses stand in brackets. */
static bool split_publish(char *text, char **ret_ip, char **ret_host, char **ret_container)
{
	static char nothing[] = "";
	*ret_ip = *ret_host = nothing;
	char *colon = strrchr(text, ':');
	if (!colon || strchr(colon, ']')) {
		*ret_container = text;
		return !colon;
	}
	*colon = 0;
	*ret_container = colon + 1;
	colon = strrchr(text, ':');
	if (!colon || strchr(colon, ']')) {
		*ret_host = text;
		return *text != '[';
	}
	*colon = 0;
	*ret_host = colon + 1;
	*ret_ip = text;
	size_t n = strlen(text);
	if (*text == '[') {
		if (n < 2 || text[n - 1] != ']')
			return false;
		text[n - 1] = 0;
		*ret_ip = text + 1;
	}
	unsigned char address[16];
	return !**ret_ip || inet_pton(*text == '[' ? AF_INET6 : AF_INET, *ret_ip, address) == 1;
}

/* Long form: target=80,published=8080,protocol=tcp. */
static int publish_long(struct create *c, const char *text, struct crl_err *err)
{
	_cleanup_strv_ char **part = strv_split(text, ",", false);
	const char *target = NULL, *published = "", *protocol = "tcp";
	uint64_t port, last, host_first;
	for (char **p = part; p && *p; p++) {
		if (str_starts(*p, "target="))
			target = *p + 7;
		else if (str_starts(*p, "published="))
			published = *p + 10;
		else if (str_starts(*p, "protocol="))
			protocol = *p + 9;
		else if (!str_starts(*p, "mode="))
			return crl_fail(err, CRL_INVALID, "invalid field key %s", *p);
	}
	if (!target || !parse_range(target, &port, &last) || !port || port != last ||
	    !parse_range(published, &host_first, &last))
		return crl_fail(err, CRL_INVALID, "invalid publish specification: %s", text);
	bind_port(c, port, protocol, "", published);
	return 0;
}

static int publish(struct create *c, const char *text, struct crl_err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *ip, *host, *container;
	uint64_t first, last, host_first, host_last;
	if (!copy)
		return crl_fail_oom(err);
	const char *protocol = take_protocol(copy);
	if (!protocol)
		return crl_fail(err, CRL_INVALID, "invalid proto: %s", text);
	if (!split_publish(copy, &ip, &host, &container))
		return invalid(err, "publish specification", text);
	if (!*container)
		return crl_fail(err, CRL_INVALID, "no port specified: %s<empty>", text);
	if (!parse_range(container, &first, &last))
		return crl_fail(err, CRL_INVALID, "invalid containerPort: %s", container);
	if (!parse_range(host, &host_first, &host_last))
		return crl_fail(err, CRL_INVALID, "invalid hostPort: %s", host);
	if (*host && last - first != host_last - host_first) {
		/* one container port, several to choose from */
		if (first != last)
			return crl_fail(
				err, CRL_INVALID,
				"invalid ranges specified for container and host Ports: %s and %s",
				container, host);
		bind_port(c, first, protocol, ip, host);
		return 0;
	}
	for (uint64_t i = 0; i <= last - first; i++) {
		char number[24] = "";
		if (*host)
			snprintf(number, sizeof number, "%u", (unsigned)(host_first + i));
		bind_port(c, first + i, protocol, ip, number);
	}
	return 0;
}

int create_port(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	for (char *const *v = opt_list(c->o, option); v && *v; v++)
		if ((strchr(*v, '=') ? publish_long : publish)(c, *v, err) < 0)
			return -1;
	return 0;
}

/* name:ip or name=ip; the API wants name:ip */
int create_hosts(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON *list = create_array(c->host, key);
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		size_t n = strcspn(*v, ":=");
		if (!n || !(*v)[n] || !(*v)[n + 1])
			return crl_fail(err, CRL_INVALID, "bad format for add-host: \"%s\"", *v);
		_cleanup_free_ char *copy = strdup(*v);
		if (!copy)
			return crl_fail_oom(err);
		copy[n] = ':';
		cJSON_AddItemToArray(list, cJSON_CreateString(copy));
	}
	return 0;
}
