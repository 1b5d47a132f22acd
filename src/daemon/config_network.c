// SPDX-License-Identifier: GPL-2.0-or-later
/* The settings about networks: reading and judging what is not a plain text. */
#include "config_keys.h"

#include "ipam.h"
#include "ipam6.h"

/* base=172.30.0.0/16,size=24 */
int config_add_pool(cJSON **tree, const char *value, struct crl_err *err)
{
	_cleanup_strv_ char **parts = strv_split(value, ",", true);
	const char *base = strv_env_get(parts, "base"), *size = strv_env_get(parts, "size");
	int64_t n;

	if (strv_len(parts) != 2 || !base || !size || !str_to_i64(size, &n))
		return crl_fail(err, CRL_INVALID,
				"invalid default address pool %s: base=CIDR,size=N is wanted",
				value);
	if (!*tree && !(*tree = cJSON_CreateArray()))
		return crl_fail_oom(err);
	cJSON *item = cJSON_CreateObject();
	json_add_str(item, "base", base);
	json_add_i64(item, "size", n);
	cJSON_AddItemToArray(*tree, item);
	return 0;
}

static int check_pool(const cJSON *item, struct crl_err *err)
{
	const char *base = json_get_str(item, "base");
	struct ipam6_net six;
	struct ipam_net four;
	int64_t size, least, most;

	if (!json_get_i64(item, "size", &size))
		return crl_fail(err, CRL_INVALID, "default-address-pools: size is missing");
	if (ipam_parse_cidr(base, &four)) {
		least = four.prefix_len;
		most = 30;
	} else if (ip6_parse_cidr(base, &six)) {
		least = six.prefix_len;
		most = 126;
	} else {
		return crl_fail(err, CRL_INVALID, "default-address-pools: invalid base pool %s",
				base ? base : "");
	}
	if (least < 1 || size < least || size > most)
		return crl_fail(err, CRL_INVALID,
				"default-address-pools: invalid pool size %lld of %s",
				(long long)size, base);
	return 0;
}

int config_check_pools(const struct daemon_config *c, const struct config_row *row,
		       struct crl_err *err)
{
	const cJSON *item;

	if (c->address_pools && !cJSON_IsArray(c->address_pools))
		return crl_fail(err, CRL_INVALID, "default-address-pools: expected a list");
	cJSON_ArrayForEach (item, c->address_pools) {
		if (check_pool(item, err) < 0)
			return -1;
	}
	return 0;
}

/* bridge=com.docker.network.driver.mtu=1450 */
int config_add_network_opt(cJSON **tree, const char *value, struct crl_err *err)
{
	_cleanup_free_ char *driver = NULL, *key = NULL;
	const char *first = strchr(value, '='), *second = first ? strchr(first + 1, '=') : NULL;

	if (!second)
		return crl_fail(err, CRL_INVALID,
				"invalid default-network-opt %s: DRIVER=KEY=VALUE is wanted",
				value);
	driver = strndup(value, (size_t)(first - value));
	key = strndup(first + 1, (size_t)(second - first - 1));
	if (!driver || !key || (!*tree && !(*tree = cJSON_CreateObject())))
		return crl_fail_oom(err);
	cJSON *options = cJSON_GetObjectItemCaseSensitive(*tree, driver);
	if (!options)
		options = cJSON_AddObjectToObject(*tree, driver);
	cJSON_DeleteItemFromObjectCaseSensitive(options, key);
	json_add_str(options, key, second + 1);
	return 0;
}

int config_check_network_opts(const struct daemon_config *c, const struct config_row *row,
			      struct crl_err *err)
{
	const cJSON *driver, *option;

	cJSON_ArrayForEach (driver, c->network_opts) {
		cJSON_ArrayForEach (option, driver)
			if (!cJSON_IsString(option))
				return crl_fail(err, CRL_INVALID,
						"default-network-opts: expected texts");
	}
	return 0;
}

/* Texts that are addresses or prefixes of one family; empty is the same as not given. */
static int check_cidr(const char *key, const char *value, bool six, struct crl_err *err)
{
	struct ipam6_net net6;
	struct ipam_net net;

	if (str_empty(value) || (six ? ip6_parse_cidr(value, &net6) : ipam_parse_cidr(value, &net)))
		return 0;
	return crl_fail(err, CRL_INVALID, "%s: invalid CIDR address: %s", key, value);
}

static int check_address(const char *key, const char *value, bool six, struct crl_err *err)
{
	struct ip6 ip6;
	uint32_t ip;

	if (str_empty(value) || (six ? ip6_parse(value, &ip6) : ipam_parse_ip(value, &ip)))
		return 0;
	return crl_fail(err, CRL_INVALID, "%s: %s is no IPv%d address", key, value, six ? 6 : 4);
}

int config_check_bridge(const struct daemon_config *c, const struct config_row *row,
			struct crl_err *err)
{
	if (check_cidr("bip", c->bridge_subnet, false, err) < 0 ||
	    check_cidr("bip6", c->bridge_subnet6, true, err) < 0 ||
	    check_cidr("fixed-cidr", c->bridge_range, false, err) < 0 ||
	    check_cidr("fixed-cidr-v6", c->bridge_range6, true, err) < 0 ||
	    check_address("default-gateway", c->bridge_gateway, false, err) < 0 ||
	    check_address("default-gateway-v6", c->bridge_gateway6, true, err) < 0)
		return -1;
	return 0;
}
