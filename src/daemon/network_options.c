/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the options of a bridge network mean: dockerd's com.docker.network.*
 * keys, read into struct network. Pure. Keys that mean nothing here are kept
 * and shown, as dockerd does.
 */
#include "network_priv.h"

#include <arpa/inet.h>

#define BRIDGE "com.docker.network.bridge."
#define MTU_OPTION "com.docker.network.driver.mtu"

static int options_fail(const char *key, const char *value, const char *why, struct crl_err *err)
{
	return crl_fail(err, CRL_INVALID, "failed to parse %s value: %s (%s)", key, value, why);
}

/* The spellings that Go takes for a boolean. A missing key leaves *ret. */
static int options_bool(const struct network *net, const char *key, bool *ret, struct crl_err *err)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
	const char *value = strmap_get(&net->options, key);

	for (size_t i = 0; value && i < ARRAY_SIZE(yes); i++) {
		if (str_eq(value, yes[i]) || str_eq(value, no[i])) {
			*ret = str_eq(value, yes[i]);
			return 0;
		}
	}
	return value ? options_fail(key, value, "invalid syntax", err) : 0;
}

static int options_mode(const struct network *net, const char *key, enum nft_mode *ret, bool *bare,
			struct crl_err *err)
{
	const char *value = strmap_get(&net->options, key);

	*ret = NFT_MODE_NAT;
	if (str_empty(value) || str_eq(value, "nat"))
		return 0;
	if (str_eq(value, "routed")) {
		*ret = NFT_MODE_ROUTED;
	} else if (str_eq(value, "nat-unprotected")) {
		*ret = NFT_MODE_UNPROTECTED;
	} else if (str_eq(value, "isolated")) {
		if (!net->internal)
			return crl_fail(
				err, CRL_INVALID,
				"gateway mode 'isolated' can only be used for an internal network");
		*bare = true;
	} else {
		return crl_fail(err, CRL_INVALID, "unknown gateway mode %s", value);
	}
	return 0;
}

static int options_mtu(struct network *net, struct crl_err *err)
{
	const char *value = strmap_get(&net->options, MTU_OPTION);
	int64_t mtu;

	if (!value)
		return 0;
	if (!str_to_i64(value, &mtu))
		return options_fail(MTU_OPTION, value, "invalid syntax", err);
	if (mtu < 0 || (mtu > 0 && mtu < 68) || mtu > 65535)
		return crl_fail(err, CRL_INVALID, "invalid MTU number: %s", value);
	net->mtu = mtu ? mtu : 1500;
	return 0;
}

static int options_host_ip(struct network *net, struct crl_err *err)
{
	static const char *const key = BRIDGE "host_binding_ipv4";
	const char *value = strmap_get(&net->options, key);
	struct in6_addr any;

	net->host_ip[0] = '\0';
	if (str_empty(value))
		return 0;
	if (inet_pton(AF_INET, value, &any) != 1 && inet_pton(AF_INET6, value, &any) != 1)
		return options_fail(key, value, "nil ip", err);
	snprintf(net->host_ip, sizeof(net->host_ip), "%s", value);
	return 0;
}

/* "eth1:eth2". */
static int options_trust(struct network *net, struct crl_err *err)
{
	const char *value = strmap_get(&net->options, BRIDGE "trusted_host_interfaces");

	strv_free(take_ptr(net->trust));
	if (str_empty(value))
		return 0;
	net->trust = strv_split(value, ":", false);
	if (!net->trust)
		return crl_fail_oom(err);
	for (char **t = net->trust; *t; t++)
		if (strlen(*t) >= IFNAMSIZ)
			return crl_fail(err, CRL_INVALID, "invalid interface name %s", *t);
	return 0;
}

static int options_prefix(struct network *net, struct crl_err *err)
{
	const char *value = strmap_get(&net->options, "com.docker.network.container_iface_prefix");

	if (str_empty(value))
		value = "eth";
	if (!ident_name_ok(value) || strlen(value) >= sizeof(net->prefix))
		return crl_fail(err, CRL_INVALID, "invalid interface prefix %s", value);
	snprintf(net->prefix, sizeof(net->prefix), "%s", value);
	return 0;
}

int network_parse_options(struct network *net, struct crl_err *err)
{
	bool icc = !net->isolated, masquerade = !net->no_masquerade, bare = false, bare6 = false;

	if (options_bool(net, BRIDGE "enable_icc", &icc, err) < 0 ||
	    options_bool(net, BRIDGE "enable_ip_masquerade", &masquerade, err) < 0 ||
	    options_bool(net, BRIDGE "inhibit_ipv4", &bare, err) < 0 ||
	    options_mode(net, BRIDGE "gateway_mode_ipv4", &net->mode, &bare, err) < 0 ||
	    options_mode(net, BRIDGE "gateway_mode_ipv6", &net->mode6, &bare6, err) < 0 ||
	    options_mtu(net, err) < 0 || options_host_ip(net, err) < 0 ||
	    options_trust(net, err) < 0 || options_prefix(net, err) < 0)
		return -1;
	net->isolated = !icc;
	net->no_masquerade = !masquerade;
	net->bare = bare;
	net->bare6 = bare6;
	return 0;
}

bool network_has_ip4(const struct network *net)
{
	return net->ipam.subnet.prefix_len > 0;
}

bool network_has_ip6(const struct network *net)
{
	return net->ipam6.subnet.prefix_len > 0;
}

bool network_leads_out(const struct network *net)
{
	return network_has_ip4(net) && !net->internal && net->route != 0;
}

bool network_leads_out6(const struct network *net)
{
	return network_has_ip6(net) && !net->internal && !ip6_is_zero(net->route6);
}
