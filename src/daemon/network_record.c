/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network's record in the database (kind "network"): struct <-> JSON. */
#include "network_priv.h"

#include "db.h"

static const struct json_field network_fields[] = {
	JSON_STR(struct network, name, "Name", JSON_REQUIRED),
	JSON_STR(struct network, driver, "Driver", JSON_REQUIRED),
	JSON_STR(struct network, created, "Created", JSON_REQUIRED),
	JSON_STR(struct network, subnet_text, "Subnet", JSON_OMIT_EMPTY),
	JSON_STR(struct network, gateway_text, "Gateway", JSON_OMIT_EMPTY),
	JSON_STR(struct network, range_text, "IPRange", JSON_OMIT_EMPTY),
	JSON_STR(struct network, link, "Link", JSON_OMIT_EMPTY),
	JSON_I64(struct network, mtu, "MTU", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, internal, "Internal", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, attachable, "Attachable", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, no_masquerade, "NoMasquerade", JSON_OMIT_EMPTY),
	JSON_BOOL(struct network, isolated, "Isolated", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct network, options, "Options", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct network, labels, "Labels", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct network, ipam_options, "IPAMOptions", JSON_OMIT_EMPTY),
};
static const struct json_table network_json = JSON_TABLE("network", struct network, network_fields);

bool network_is_bridge(const struct network *net)
{
	return str_eq(net->driver, "bridge");
}

void network_free(struct network *net)
{
	if (!net)
		return;
	net_pool_free(net->pool);
	ipam_clear(&net->ipam);
	json_free(&network_json, net);
	free(net);
}

int network_save(struct daemon *d, const struct network *net, struct crl_err *err)
{
	_cleanup_free_ char *body = json_encode(&network_json, net);

	if (!body)
		return crl_fail_oom(err);
	return db_put(d->db, "network", net->id, body, true, err);
}

int network_parse_ipam(struct network *net, struct crl_err *err)
{
	struct ipam_net subnet, range = {0};
	uint32_t gateway;

	if (!ipam_parse_cidr(net->subnet_text, &subnet))
		return crl_fail(err, CRL_INVALID, "invalid subnet %s: invalid CIDR block notation",
				net->subnet_text ? net->subnet_text : "");
	if (net->range_text && !ipam_parse_cidr(net->range_text, &range))
		return crl_fail(err, CRL_INVALID,
				"invalid ip-range %s: invalid CIDR block notation",
				net->range_text);
	if (!ipam_parse_ip(net->gateway_text, &gateway))
		return crl_fail(err, CRL_INVALID, "invalid gateway address %s",
				net->gateway_text ? net->gateway_text : "");
	ipam_clear(&net->ipam);
	if (ipam_init(&net->ipam, subnet, range, err) < 0)
		return -1;
	if (ipam_reserve(&net->ipam, gateway, err) < 0)
		return crl_context(err, "gateway");
	net->gateway = gateway;
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
	if (network_is_bridge(net) && network_parse_ipam(net, err) < 0) {
		network_free(net);
		return -1;
	}
	*ret = net;
	return 0;
}
