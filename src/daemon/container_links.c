/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the links of the default bridge (--link): lines in the hosts file and
 * variables in the environment, as Docker had them before there were networks
 * with names of their own. In the record a link is "ID:alias", so that a rename
 * changes nothing. Links in other networks are endpoint settings and the name
 * server's business.
 */
#include "container_hosts.h"

#include "container_endpoints.h"

#include <base/log.h>
#include <ctype.h>

#define HOST_AND_LINKS                                                                             \
	"conflicting options: host type networking can't be used with links. This would result "   \
	"in undefined behavior"

/* --- create --- */

/* "name", "name:alias" and inspect's own "/name:/parent/alias". */
static int parse_link(const char *text, char **ret_name, const char **ret_alias,
		      struct crl_err *err)
{
	if (str_empty(text))
		return crl_fail(err, CRL_INVALID, "empty string specified for links");
	const char *colon = strchr(text, ':');
	if (colon && (strchr(colon + 1, ':') || colon == text))
		return crl_fail(err, CRL_INVALID, "bad format for links: %s", text);
	const char *alias = colon ? colon + 1 : text;
	const char *slash = strrchr(alias, '/');
	*ret_name = strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	*ret_alias = slash ? slash + 1 : alias;
	return *ret_name ? 0 : crl_fail_oom(err);
}

static int find_child(struct daemon *d, const char *name, struct container **ret,
		      struct crl_err *err)
{
	struct container *child;
	if (container_find(d, name, &child, err) < 0) {
		/* Not 404: clients would take the image for missing and pull it. */
		err->code = CRL_INVALID;
		return crl_context(err, "could not get container for %s", name);
	}
	for (unsigned depth = 0; depth < 16; depth++) {
		struct container *peer = NULL;
		if (container_network_peer(child, &peer, err) < 0)
			return -1;
		if (!peer)
			break;
		child = peer;
	}
	if (str_eq(child->rec.host_config.network_mode, "host"))
		return crl_fail(err, CRL_INVALID, HOST_AND_LINKS);
	*ret = child;
	return 0;
}

int container_plan_links(struct daemon *d, struct container_record *rec, struct crl_err *err)
{
	_cleanup_strv_ char **given = take_ptr(rec->host_config.links);
	const char *mode = rec->host_config.network_mode;
	if (!str_eq(mode, "bridge") && !str_eq(mode, "default"))
		return 0; /* docker ignores them there, too */
	for (char **l = given; l && *l; l++) {
		_cleanup_free_ char *name = NULL;
		const char *alias;
		struct container *child;
		if (parse_link(*l, &name, &alias, err) < 0 || find_child(d, name, &child, err) < 0)
			return -1;
		if (strv_pushf(&rec->host_config.links, "%s:%s", child->rec.id, alias) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

/* --- look-up --- */

bool container_link_at(const struct container *c, size_t n, struct container **ret_child,
		       const char **ret_alias)
{
	for (char **l = c->rec.host_config.links; l && *l; l++) {
		char id[ID_HEX + 1];
		struct container *child;
		struct crl_err gone;
		snprintf(id, sizeof(id), "%.*s", (int)strcspn(*l, ":"), *l);
		if (container_find(c->d, id, &child, &gone) < 0 || !str_eq(child->rec.id, id))
			continue;
		if (n-- > 0)
			continue;
		*ret_child = child;
		*ret_alias = strchr(*l, ':') ? strchr(*l, ':') + 1 : "";
		return true;
	}
	return false;
}

char **container_links_shown(const struct container *c)
{
	char **out = NULL;
	struct container *child;
	const char *alias;
	for (size_t i = 0; container_link_at(c, i, &child, &alias); i++)
		if (strv_pushf(&out, "/%s:/%s/%s", child->rec.name, c->rec.name, alias) < 0)
			break;
	return out;
}

/* --- the environment --- */

struct link_env {
	char ***env;
	char prefix[128]; /* "MY_DB" */
	const char *ip;
	bool failed;
};

static void set_prefix(struct link_env *e, const char *alias)
{
	size_t n = 0;
	for (; n < sizeof(e->prefix) - 1 && alias[n]; n++)
		e->prefix[n] = alias[n] == '-' ? '_' : (char)toupper((unsigned char)alias[n]);
	e->prefix[n] = '\0';
}

/* tcp before udp, then by number: the first one is what ALIAS_PORT says. */
static int by_port(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	bool tx = str_ends(x, "/tcp"), ty = str_ends(y, "/tcp");
	return tx != ty ? ty - tx : atoi(x) - atoi(y);
}

static void add_port(struct link_env *e, const char *key, bool first)
{
	int port = atoi(key);
	const char *slash = strchr(key, '/');
	char proto[8], upper[8];
	snprintf(proto, sizeof(proto), "%s", slash ? slash + 1 : "tcp");
	for (size_t i = 0; i < sizeof(upper); i++)
		upper[i] = (char)toupper((unsigned char)proto[i]);
	if (first)
		e->failed |=
			strv_pushf(e->env, "%s_PORT=%s://%s:%d", e->prefix, proto, e->ip, port) < 0;
	e->failed |= strv_pushf(e->env, "%s_PORT_%d_%s=%s://%s:%d", e->prefix, port, upper, proto,
				e->ip, port) < 0;
	e->failed |= strv_pushf(e->env, "%s_PORT_%d_%s_ADDR=%s", e->prefix, port, upper, e->ip) < 0;
	e->failed |= strv_pushf(e->env, "%s_PORT_%d_%s_PORT=%d", e->prefix, port, upper, port) < 0;
	e->failed |=
		strv_pushf(e->env, "%s_PORT_%d_%s_PROTO=%s", e->prefix, port, upper, proto) < 0;
}

static void add_child(struct link_env *e, const struct container *child)
{
	_cleanup_strv_ char **ports = strv_copy(child->rec.config.exposed_ports);
	if (strv_len(ports))
		qsort(ports, strv_len(ports), sizeof(*ports), by_port);
	for (char **p = ports; p && *p; p++)
		add_port(e, *p, p == ports);
	for (char **v = child->rec.config.env; v && *v; v++)
		if (strchr(*v, '=') && !str_starts(*v, "HOME=") && !str_starts(*v, "PATH="))
			e->failed |= strv_pushf(e->env, "%s_ENV_%s", e->prefix, *v) < 0;
}

int container_link_env(const struct container *c, char ***env, struct crl_err *err)
{
	struct container *child;
	const char *alias;
	if (!container_asked(&c->rec, "bridge"))
		return 0;
	for (size_t i = 0; container_link_at(c, i, &child, &alias); i++) {
		const struct net_endpoint *ep = container_ep(child, "bridge");
		struct link_env e = {.env = env, .ip = ep ? ep->ip : ""};
		if (!container_is_running(child))
			return crl_fail(err, CRL_IO,
					"Cannot link to a non running container: /%s AS /%s/%s",
					child->rec.name, c->rec.name, alias);
		if (!ep)
			return crl_fail(err, CRL_IO,
					"container %s not attached to default bridge network",
					child->rec.id);
		set_prefix(&e, alias);
		e.failed |= strv_pushf(env, "%s_NAME=/%s/%s", e.prefix, c->rec.name, alias) < 0;
		add_child(&e, child);
		if (e.failed)
			return crl_fail_oom(err);
	}
	return 0;
}

/* --- changes --- */

void container_links_moved(struct container *child)
{
	const struct containers *all = child->d->containers;
	for (size_t i = 0; i < all->n; i++) {
		struct container *c = all->items[i];
		struct crl_err err = CRL_ERR_INIT;
		bool linked = false;
		for (char **l = c->rec.host_config.links; l && *l; l++)
			linked |= str_starts(*l, child->rec.id);
		if (linked && container_is_running(c) && container_sync_hosts(c, &err) < 0)
			log_warn("hosts file", "container", c->rec.id, "error", err.msg, NULL);
	}
}

static int drop_link(struct container *c, const char *alias, struct crl_err *err)
{
	char **kept = NULL, **old = c->rec.host_config.links;
	struct crl_err late = CRL_ERR_INIT;
	for (char **l = old; l && *l; l++)
		if (!str_eq(strchr(*l, ':') ? strchr(*l, ':') + 1 : "", alias) &&
		    strv_push(&kept, *l) < 0) {
			strv_free(kept);
			return crl_fail_oom(err);
		}
	if (strv_len(kept) == strv_len(old)) {
		strv_free(kept);
		return crl_fail(err, CRL_NOT_FOUND, "No such container: %s/%s", c->rec.name, alias);
	}
	c->rec.host_config.links = kept;
	if (container_save(c, err) < 0) {
		strv_free(kept);
		c->rec.host_config.links = old;
		return -1;
	}
	strv_free(old);
	if (container_is_running(c) && container_write_hosts(c, &late) < 0)
		log_warn("hosts file", "container", c->rec.id, "error", late.msg, NULL);
	return 0;
}

int container_unlink(struct daemon *d, const char *name, struct crl_err *err)
{
	name += *name == '/';
	const char *slash = strchr(name, '/');
	struct container *parent;
	if (!slash)
		return crl_fail(err, CRL_CONFLICT,
				"Conflict, cannot remove the default link name of the container");
	_cleanup_free_ char *parent_name = strndup(name, (size_t)(slash - name));
	if (!parent_name)
		return crl_fail_oom(err);
	if (container_find(d, parent_name, &parent, err) < 0)
		return crl_fail(err, CRL_NOT_FOUND, "Cannot get parent /%s for link name /%s",
				parent_name, name);
	return drop_link(parent, slash + 1, err);
}
