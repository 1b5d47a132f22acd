/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network's record: struct <-> JSON. The truth is a self-checking file,
 * DATA_ROOT/networks/ID; the row in the database (kind "network") is a second
 * copy for the day the file cannot be read. A network whose copies are both
 * damaged is left out, and its file is kept under ".damaged-ID".
 */
#include "network_priv.h"

#include "db.h"

#include <base/log.h>
#include <base/path.h>
#include <base/record.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#define RECORD_KIND "network"
#define RECORD_VERSION 1
#define RECORD_MAX (256U * 1024)

static const struct json_field network_fields[] = {
	JSON_STR(struct network, name, "Name", JSON_REQUIRED),
	JSON_STR(struct network, driver, "Driver", JSON_REQUIRED),
	JSON_STR(struct network, created, "Created", JSON_REQUIRED),
	JSON_STR(struct network, subnet_text, "Subnet", JSON_OMIT_EMPTY),
	JSON_STR(struct network, gateway_text, "Gateway", JSON_OMIT_EMPTY),
	JSON_STR(struct network, range_text, "IPRange", JSON_OMIT_EMPTY),
	JSON_STR(struct network, subnet6_text, "Subnet6", JSON_OMIT_EMPTY),
	JSON_STR(struct network, gateway6_text, "Gateway6", JSON_OMIT_EMPTY),
	JSON_STR(struct network, range6_text, "IPRange6", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct network, aux, "AuxAddresses", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct network, aux6, "AuxAddresses6", JSON_OMIT_EMPTY),
	JSON_STR(struct network, link, "Link", JSON_OMIT_EMPTY),
	JSON_I64(struct network, mtu, "MTU", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, internal, "Internal", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, attachable, "Attachable", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, no_masquerade, "NoMasquerade", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, isolated, "Isolated", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, auto_subnet, "AutoSubnet", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, auto_subnet6, "AutoSubnet6", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, made_link, "MadeLink", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct network, options, "Options", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct network, labels, "Labels", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct network, ipam_options, "IPAMOptions", JSON_OMIT_EMPTY),
};
static const struct json_table network_json = JSON_TABLE("network", struct network, network_fields);

bool network_is_bridge(const struct network *net)
{
	return str_eq(net->driver, "bridge");
}

bool network_has_ipam(const struct network *net)
{
	return network_is_bridge(net) || network_has_parent(net);
}

void network_free(struct network *net)
{
	if (!net)
		return;
	net_pool_free(net->pool);
	ipam_clear(&net->ipam);
	ipam6_clear(&net->ipam6);
	strv_free(net->trust);
	json_free(&network_json, net);
	free(net);
}

static int open_folder(const struct daemon *d, int *ret, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/networks", d->config.data_root);

	if (!path)
		return crl_fail_oom(err);
	if (access(path, F_OK) < 0 && path_mkdir_p(path, 0700, err) < 0)
		return -1;
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? crl_fail_sys(err, errno, "%s", path) : 0;
}

/* The text of the file `id` in a record's form, NULL when it is not there or damaged. */
static char *read_file(int dir, const char *id, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	const char *body;
	size_t len;

	if (path_read_file(dir, id, RECORD_MAX, &text, &len, err) < 0 ||
	    record_body(RECORD_KIND, RECORD_VERSION, text, len, &body, &len, err) < 0)
		return NULL;
	return strndup(body, len);
}

int network_save(struct daemon *d, const struct network *net, struct crl_err *err)
{
	_cleanup_free_ char *body = json_encode(&network_json, net), *row = NULL, *file = NULL;
	_cleanup_free_ char *text =
		body ? record_text(RECORD_KIND, RECORD_VERSION, body, NULL) : NULL;
	_cleanup_close_ int dir = -1;
	struct crl_err none;

	if (!text)
		return crl_fail_oom(err);
	if (open_folder(d, &dir, err) < 0)
		return -1;
	/* At each start nothing changes: no write, so that a full disk does not matter. */
	file = read_file(dir, net->id, &none);
	if (!str_eq(file, body) &&
	    path_write_atomic(dir, net->id, text, strlen(text), 0600, true, err) < 0)
		return -1;
	if (db_get(d->db, "network", net->id, &row, &none) == 0 && str_eq(row, body))
		return 0;
	return db_put(d->db, "network", net->id, body, true, err);
}

int network_forget(struct daemon *d, const struct network *net, struct crl_err *err)
{
	_cleanup_close_ int dir = -1;

	/* The row first: while the file is there, the network is. */
	if (db_delete(d->db, "network", net->id, true, err) < 0 || open_folder(d, &dir, err) < 0)
		return -1;
	if (unlinkat(dir, net->id, 0) < 0 && errno != ENOENT)
		return crl_fail_sys(err, errno, "network %s", net->name);
	return fsync(dir) < 0 ? crl_fail_sys(err, errno, "networks") : 0;
}

/* A gateway may be missing: an isolated network has none. */
static int parse_ip4(struct network *net, struct crl_err *err)
{
	struct ipam_net subnet, range = {0};
	uint32_t addr;

	if (!ipam_parse_cidr(net->subnet_text, &subnet))
		return crl_fail(err, CRL_INVALID, "invalid subnet %s: invalid CIDR block notation",
				net->subnet_text);
	if (net->range_text && !ipam_parse_cidr(net->range_text, &range))
		return crl_fail(err, CRL_INVALID,
				"invalid ip-range %s: invalid CIDR block notation",
				net->range_text);
	if (ipam_init(&net->ipam, subnet, range, err) < 0)
		return -1;
	if (net->gateway_text) {
		if (!ipam_parse_ip(net->gateway_text, &addr))
			return crl_fail(err, CRL_INVALID, "invalid gateway address %s",
					net->gateway_text);
		if (ipam_reserve(&net->ipam, addr, err) < 0)
			return crl_context(err, "gateway");
		net->gateway = addr;
	}
	for (size_t i = 0; i < net->aux.n; i++)
		if (!ipam_parse_ip(net->aux.items[i].value, &addr) ||
		    (addr != net->gateway && ipam_reserve(&net->ipam, addr, err) < 0))
			return crl_fail(err, CRL_FORBIDDEN,
					"failed to allocate secondary ip address (%s:%s): Address "
					"already in use",
					net->aux.items[i].key, net->aux.items[i].value);
	return 0;
}

static int parse_ip6(struct network *net, struct crl_err *err)
{
	struct ipam6_net subnet, range = {0};
	struct ip6 addr;

	if (!ip6_parse_cidr(net->subnet6_text, &subnet))
		return crl_fail(err, CRL_INVALID, "invalid subnet %s: invalid CIDR block notation",
				net->subnet6_text);
	if (net->range6_text && !ip6_parse_cidr(net->range6_text, &range))
		return crl_fail(err, CRL_INVALID,
				"invalid ip-range %s: invalid CIDR block notation",
				net->range6_text);
	if (ipam6_init(&net->ipam6, subnet, range, err) < 0)
		return -1;
	if (net->gateway6_text) {
		if (!ip6_parse(net->gateway6_text, &addr))
			return crl_fail(err, CRL_INVALID, "invalid gateway address %s",
					net->gateway6_text);
		if (ipam6_reserve(&net->ipam6, addr, err) < 0)
			return crl_context(err, "gateway");
		net->gateway6 = addr;
	}
	for (size_t i = 0; i < net->aux6.n; i++)
		if (!ip6_parse(net->aux6.items[i].value, &addr) ||
		    (!ip6_equal(addr, net->gateway6) && ipam6_reserve(&net->ipam6, addr, err) < 0))
			return crl_fail(err, CRL_FORBIDDEN,
					"failed to allocate secondary ip address (%s:%s): Address "
					"already in use",
					net->aux6.items[i].key, net->aux6.items[i].value);
	return 0;
}

int network_parse_ipam(struct network *net, struct crl_err *err)
{
	ipam_clear(&net->ipam);
	ipam6_clear(&net->ipam6);
	net->gateway = 0;
	net->gateway6 = (struct ip6){0};
	if (!net->subnet_text && !net->subnet6_text)
		return crl_fail(err, CRL_INVALID, "network %s: no subnet", net->name);
	if ((net->subnet_text && parse_ip4(net, err) < 0) ||
	    (net->subnet6_text && parse_ip6(net, err) < 0))
		return -1;
	net->route = net->gateway;
	net->route6 = net->gateway6;
	return 0;
}

int network_load(const char *id, const char *body, struct network **ret, struct crl_err *err)
{
	struct network *net = calloc(1, sizeof(*net));

	if (!net)
		return crl_fail_oom(err);
	if (json_decode(&network_json, body, strlen(body), JSON_LAX, net, err) < 0) {
		free(net);
		return -1;
	}
	snprintf(net->id, sizeof(net->id), "%s", id);
	if (network_has_ipam(net) &&
	    (network_parse_options(net, err) < 0 || network_parse_ipam(net, err) < 0)) {
		network_free(net);
		return -1;
	}
	*ret = net;
	return 0;
}

/* --- start --- */

struct loading {
	struct daemon *d;
	int dir;
	char **files;
	int (*cb)(struct network *net, void *data);
	void *data;
};

static void set_aside(int dir, const char *id, const char *why)
{
	char to[sizeof(".damaged-") + ID_HEX];

	(void)snprintf(to, sizeof(to), ".damaged-%.64s", id);
	log_error("network is damaged and left out", "network", id, "error", why, "kept as",
		  log_fmt("networks/%s", to), NULL);
	if (renameat(dir, id, dir, to) < 0 && errno != ENOENT)
		log_error("not set aside", "network", id, "error", strerror(errno), NULL);
}

static int load_file(const struct loading *l, const char *id)
{
	_cleanup_free_ char *body = NULL, *row = NULL;
	struct crl_err why = CRL_ERR_INIT, none;
	struct network *net = NULL;

	body = read_file(l->dir, id, &why);
	if (body && network_load(id, body, &net, &why) == 0)
		return l->cb(net, l->data);
	if (db_get(l->d->db, "network", id, &row, &none) == 0 &&
	    network_load(id, row, &net, &none) == 0) {
		log_warn("network's record file is damaged and made anew", "network", id, "error",
			 why.msg, NULL);
		if (network_save(l->d, net, &none) < 0)
			log_warn("network", "network", id, "error", none.msg, NULL);
		return l->cb(net, l->data);
	}
	set_aside(l->dir, id, why.msg);
	return 0;
}

/* A row whose file is missing: a daemon of before these files wrote it. */
static int load_row(const char *id, const char *body, void *data)
{
	struct loading *l = data;
	struct crl_err why = CRL_ERR_INIT;
	struct network *net = NULL;

	if (strv_contains(l->files, id))
		return 0;
	if (!body)
		crl_fail(&why, CRL_IO, "damaged record");
	if (!body || network_load(id, body, &net, &why) < 0) {
		log_error("network left out", "network", id, "error", why.msg, NULL);
		return 0;
	}
	if (network_save(l->d, net, &why) < 0)
		log_warn("network", "network", id, "error", why.msg, NULL);
	return l->cb(net, l->data);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_files(struct loading *l, struct crl_err *err)
{
	int copy = openat(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!dir)
		return crl_fail_sys(err, errno, "networks");
	while ((e = readdir(dir)))
		if (ident_is_hex(e->d_name, ID_HEX, ID_HEX) && strv_push(&l->files, e->d_name) < 0)
			return crl_fail_oom(err);
	if (l->files)
		qsort(l->files, strv_len(l->files), sizeof(*l->files), by_text);
	return 0;
}

int network_load_all(struct daemon *d, int (*cb)(struct network *net, void *data), void *data,
		     struct crl_err *err)
{
	struct loading l = {.d = d, .dir = -1, .cb = cb, .data = data};
	int r = open_folder(d, &l.dir, err);

	if (r == 0)
		r = list_files(&l, err);
	for (char **id = l.files; r == 0 && id && *id; id++)
		r = load_file(&l, *id);
	if (r == 0)
		r = db_each(d->db, "network", load_row, &l, err);
	strv_free(l.files);
	cleanup_close_p(&l.dir);
	return r;
}
