/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the table of networks, containers and their names. See docs/adr/0091. */
#include "names.h"

#include <arpa/inet.h>
#include <base/ident.h>
#include <ctype.h>

static unsigned hash(const struct names_net *net, const char *name)
{
	uint32_t h = 2166136261U ^ (uint32_t)((uintptr_t)net >> 4);

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619U;
	return (h ^ h >> 16) % NAMES_BUCKETS;
}

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

static char *lower_copy(const char *s)
{
	char *copy = strdup(s);

	if (copy)
		lower(copy);
	return copy;
}

/* --- networks --- */

static struct names_net *net_take(struct names *t, const struct dns_ep *e)
{
	struct names_net *net = t->nets;

	while (net && !str_eq(net->id, e->network_id))
		net = net->next;
	if (net)
		return net;
	net = calloc(1, sizeof(*net));
	if (!net)
		return NULL;
	net->id = strdup(e->network_id);
	net->name = lower_copy(e->network);
	if (!net->id || !net->name) {
		free(net->id);
		free(net->name);
		free(net);
		return NULL;
	}
	net->next = t->nets;
	t->nets = net;
	return net;
}

/* A network nobody is in cannot be asked about. */
static void net_put(struct names *t, struct names_net *net)
{
	struct names_net **p = &t->nets;

	if (net->eps)
		return;
	while (*p != net)
		p = &(*p)->next;
	*p = net->next;
	for (size_t i = 0; i < NAMES_GONE_MAX; i++)
		free(net->gone[i].name);
	free(net->id);
	free(net->name);
	free(net);
}

static struct names_node *first_node(const struct names *t, const struct names_net *net,
				     const char *name)
{
	struct names_node *n = t->buckets[hash(net, name)];

	while (n && (n->ep->net != net || !str_eq(n->name, name)))
		n = n->next;
	return n;
}

static struct names_node *next_node(struct names_node *from)
{
	struct names_node *n = from->next;

	while (n && (n->ep->net != from->ep->net || !str_eq(n->name, from->name)))
		n = n->next;
	return n;
}

static void remember(struct names_net *net, const char *name)
{
	struct names_gone *g = &net->gone[net->next_gone];

	free(g->name);
	g->name = strdup(name);
	g->until = time_boot_ns() + NAMES_GONE_NS;
	net->next_gone = (net->next_gone + 1) % NAMES_GONE_MAX;
}

static bool is_gone(const struct names_net *net, const char *name)
{
	for (size_t i = 0; i < NAMES_GONE_MAX; i++)
		if (net->gone[i].name && str_eq(net->gone[i].name, name))
			return time_boot_ns() < net->gone[i].until;
	return false;
}

/* --- endpoints --- */

/* At the end: the order of several addresses does not change when one more comes. */
static void link_nodes(struct names *t, struct names_ep *ep)
{
	for (size_t i = 0; i < ep->n_nodes; i++) {
		struct names_node **p = &t->buckets[hash(ep->net, ep->nodes[i].name)];
		while (*p)
			p = &(*p)->next;
		*p = &ep->nodes[i];
	}
	struct names_ep **e = &ep->net->eps;
	while (*e)
		e = &(*e)->next;
	*e = ep;
}

/* The rotation goes on where it was when the first of a name leaves. */
static void unlink_node(struct names *t, struct names_node *n)
{
	struct names_node **p = &t->buckets[hash(n->ep->net, n->name)];
	struct names_node *heir = next_node(n);

	if (heir && first_node(t, n->ep->net, n->name) == n) {
		heir->turn4 = n->turn4;
		heir->turn6 = n->turn6;
	}
	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
}

static void unlink_ep(struct names *t, struct names_ep *ep)
{
	struct names_ep **e = &ep->net->eps;

	for (size_t i = 0; i < ep->n_nodes; i++)
		unlink_node(t, &ep->nodes[i]);
	while (*e != ep)
		e = &(*e)->next;
	*e = ep->next;
}

static void ep_clear(struct names_ep *ep)
{
	free(ep->nodes);
	strv_free(ep->names);
	strmap_free(&ep->links);
}

static int read_addresses(struct names_ep *ep, const struct dns_ep *from, struct crl_err *err)
{
	ep->has4 = !str_empty(from->ip);
	ep->has6 = !str_empty(from->ip6);
	ep->prefix = from->prefix >= 0 && from->prefix <= 32 ? (unsigned)from->prefix : 32;
	ep->prefix6 = from->prefix6 >= 0 && from->prefix6 <= 128 ? (unsigned)from->prefix6 : 128;
	if ((ep->has4 && inet_pton(AF_INET, from->ip, ep->ip) != 1) ||
	    (ep->has6 && inet_pton(AF_INET6, from->ip6, ep->ip6) != 1))
		return crl_fail(err, CRL_INVALID, "address of an endpoint in %s", from->network);
	return 0;
}

static int copy_links(struct names_ep *ep, const struct strmap *links)
{
	for (size_t i = 0; i < links->n; i++) {
		_cleanup_free_ char *alias = lower_copy(links->items[i].key);
		if (!alias || strmap_set(&ep->links, alias, links->items[i].value) < 0)
			return -1;
	}
	return 0;
}

static int ep_fill(struct names_ep *ep, const struct dns_ep *from, struct crl_err *err)
{
	size_t n = strv_len(from->names);

	if (read_addresses(ep, from, err) < 0)
		return -1;
	ep->internal = from->internal;
	ep->names = strv_copy(from->names);
	ep->nodes = calloc(n + 1, sizeof(*ep->nodes));
	if ((n && !ep->names) || !ep->nodes || copy_links(ep, &from->links) < 0)
		return crl_fail_oom(err);
	for (size_t i = 0; i < n; i++) {
		lower(ep->names[i]);
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again |= str_eq(ep->names[k], ep->names[i]);
		if (!again)
			ep->nodes[ep->n_nodes++] =
				(struct names_node){.ep = ep, .name = ep->names[i]};
	}
	return 0;
}

/* --- containers --- */

struct names_box *names_find(const struct names *t, const char *id)
{
	struct names_box *b = t->boxes;

	while (b && !str_eq(b->id, id))
		b = b->next;
	return b;
}

static void forget_eps(struct names *t, struct names_ep *eps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		unlink_ep(t, &eps[i]);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < eps[i].n_nodes; k++)
			if (!first_node(t, eps[i].net, eps[i].nodes[k].name))
				remember(eps[i].net, eps[i].nodes[k].name);
		net_put(t, eps[i].net);
		ep_clear(&eps[i]);
	}
	free(eps);
}

static bool network_twice(const struct dns_box *b)
{
	for (size_t i = 0; i < b->n_eps; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(b->eps[i].network_id, b->eps[k].network_id))
				return true;
	return false;
}

static struct names_ep *build_eps(const struct dns_box *b, struct crl_err *err)
{
	if (strlen(b->id) >= sizeof(((struct names_box *)0)->id)) {
		crl_fail(err, CRL_INVALID, "id of a container is too long");
		return NULL;
	}
	if (network_twice(b)) {
		crl_fail(err, CRL_INVALID, "container %s is twice in a network", b->id);
		return NULL;
	}
	struct names_ep *eps = calloc(b->n_eps + 1, sizeof(*eps));
	if (!eps)
		crl_fail_oom(err);
	for (size_t i = 0; eps && i < b->n_eps; i++) {
		if (ep_fill(&eps[i], &b->eps[i], err) == 0)
			continue;
		for (size_t k = 0; k <= i; k++)
			ep_clear(&eps[k]);
		free(take_ptr(eps));
	}
	return eps;
}

/* The new ones enter before the old ones leave: a network that stays does not lose its memory. */
static int install(struct names *t, struct names_box *box, const struct dns_box *b,
		   struct names_ep *eps, struct crl_err *err)
{
	struct names_ep *old = box->eps;
	size_t n_old = box->n_eps;

	for (size_t i = 0; i < b->n_eps; i++) {
		eps[i].box = box;
		eps[i].net = net_take(t, &b->eps[i]);
		if (!eps[i].net)
			return crl_fail_oom(err);
	}
	box->foreign = false;
	for (size_t i = 0; i < b->n_eps; i++) {
		link_nodes(t, &eps[i]);
		box->foreign |= !eps[i].internal;
	}
	box->eps = eps;
	box->n_eps = b->n_eps;
	forget_eps(t, old, n_old);
	return 0;
}

struct names_box *names_set(struct names *t, const struct dns_box *b, struct crl_err *err)
{
	struct names_box *box = names_find(t, b->id);
	struct names_ep *eps = build_eps(b, err);
	bool fresh = !box;

	if (!eps)
		return NULL;
	if (fresh)
		box = calloc(1, sizeof(*box));
	if (box && install(t, box, b, eps, err) == 0) {
		snprintf(box->id, sizeof(box->id), "%s", b->id);
		if (fresh) {
			box->next = t->boxes;
			t->boxes = box;
		}
		return box;
	}
	for (size_t i = 0; i < b->n_eps; i++)
		ep_clear(&eps[i]);
	free(eps);
	if (fresh)
		free(box);
	(void)crl_fail_oom(err);
	return NULL;
}

void names_drop(struct names *t, struct names_box *box)
{
	struct names_box **p = &t->boxes;

	forget_eps(t, box->eps, box->n_eps);
	while (*p != box)
		p = &(*p)->next;
	*p = box->next;
	free(box);
}

void names_deinit(struct names *t)
{
	while (t->boxes)
		names_drop(t, t->boxes);
}

/* --- looking up --- */

static void add_address(const struct names_ep *ep, int family, struct names_addrs *ret)
{
	bool has = family == AF_INET ? ep->has4 : ep->has6;

	if (!has || ret->n == NAMES_ADDRS_MAX)
		return;
	if (family == AF_INET)
		memcpy(ret->a[ret->n++], ep->ip, 4);
	else
		memcpy(ret->a[ret->n++], ep->ip6, 16);
}

static void rotate(struct names_addrs *a, size_t by)
{
	for (by = a->n ? by % a->n : 0; by > 0; by--) {
		uint8_t first[16];
		memcpy(first, a->a[0], 16);
		memmove(a->a[0], a->a[1], (a->n - 1) * 16);
		memcpy(a->a[a->n - 1], first, 16);
	}
}

/* The link's alias means a container, by whatever address it has in the same network. */
static bool find_link(const struct names *t, const struct names_ep *asker, const char *name,
		      int family, struct names_addrs *ret)
{
	const char *target = strmap_get(&asker->links, name);
	const struct names_box *box = target ? names_find(t, target) : NULL;

	for (size_t i = 0; box && i < box->n_eps; i++)
		if (box->eps[i].net == asker->net)
			add_address(&box->eps[i], family, ret);
	return box != NULL;
}

static bool find_name(const struct names *t, const struct names_net *net, const char *name,
		      int family, struct names_addrs *ret)
{
	struct names_node *first = first_node(t, net, name);

	for (struct names_node *n = first; n; n = next_node(n))
		add_address(n->ep, family, ret);
	if (first && ret->n > 1)
		rotate(ret, family == AF_INET ? first->turn4++ : first->turn6++);
	return first != NULL;
}

/* "web.shop" in network shop is "web". */
static const char *without_network(const struct names_net *net, const char *name,
				   char buf[NAMES_TEXT_MAX])
{
	size_t len = strlen(name), suffix = strlen(net->name);

	if (len <= suffix + 1 || len >= NAMES_TEXT_MAX || name[len - suffix - 1] != '.' ||
	    !str_eq(name + len - suffix, net->name))
		return NULL;
	memcpy(buf, name, len - suffix - 1);
	buf[len - suffix - 1] = '\0';
	return buf;
}

static bool find_in(const struct names *t, const struct names_ep *asker, const char *name,
		    int family, struct names_addrs *ret)
{
	return find_link(t, asker, name, family, ret) ||
	       find_name(t, asker->net, name, family, ret);
}

enum names_found names_lookup(struct names *t, const struct names_box *box, const char *name,
			      int family, struct names_addrs *ret)
{
	char buf[NAMES_TEXT_MAX];
	bool known = false, gone = false;

	ret->n = 0;
	for (size_t i = 0; i < box->n_eps; i++) {
		const struct names_ep *ep = &box->eps[i];
		const char *part = without_network(ep->net, name, buf);
		known |= find_in(t, ep, name, family, ret);
		if (!ret->n && part)
			known |= find_in(t, ep, part, family, ret);
		if (ret->n)
			return NAMES_HIT;
		gone |= is_gone(ep->net, name) || (part && is_gone(ep->net, part));
	}
	return known ? NAMES_EMPTY : gone ? NAMES_GONE : NAMES_FOREIGN;
}
