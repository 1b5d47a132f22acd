/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network: ls, create, rm, connect, disconnect. */
#include <cli/commands.h>

#include <cli/create.h>
#include <cli/format.h>
#include <cli/listing.h>

/* ---- ls ---- */

static const struct opt_spec ls_opts[] = {
	{'f', "filter", OPT_LIST, "filter",
	 "Show only what matches (driver=bridge, name=..., ...)"},
	{0, "format", OPT_STR, "string", "Format the output: table, json or a template"},
	{0, "no-trunc", OPT_BOOL, NULL, "Do not shorten the output"},
	{'q', "quiet", OPT_BOOL, NULL, "Show IDs only"},
};

static const struct listing_column columns[] = {
	{"ID", "NETWORK ID"},     {"Name", "NAME"},     {"Driver", "DRIVER"},
	{"Scope", "SCOPE"},       {"IPv4", "IPV4"},     {"IPv6", "IPV6"},
	{"Internal", "INTERNAL"}, {"Labels", "LABELS"}, {"CreatedAt", "CREATED AT"},
};

static const struct listing listing = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
	.quiet = "{{.ID}}",
};

static cJSON *make_row(const cJSON *n, bool no_trunc)
{
	cJSON *row = cJSON_CreateObject();
	_cleanup_buf_ struct buf id = BUF_INIT;
	_cleanup_buf_ struct buf labels = BUF_INIT;
	const cJSON *v4 = cJSON_GetObjectItemCaseSensitive(n, "EnableIPv4");
	format_short_id(&id, json_get_str(n, "Id"), no_trunc);
	format_pairs(&labels, cJSON_GetObjectItemCaseSensitive(n, "Labels"));
	json_add_str(row, "CreatedAt", json_get_str(n, "Created"));
	json_add_str(row, "Driver", json_get_str(n, "Driver"));
	json_add_str(row, "ID", id.data);
	json_add_str(row, "IPv4", v4 && cJSON_IsFalse(v4) ? "false" : "true");
	json_add_str(row, "IPv6", json_get_bool(n, "EnableIPv6") ? "true" : "false");
	json_add_str(row, "Internal", json_get_bool(n, "Internal") ? "true" : "false");
	json_add_str(row, "Labels", labels.data);
	json_add_str(row, "Name", json_get_str(n, "Name"));
	json_add_str(row, "Scope", json_get_str(n, "Scope"));
	return row;
}

static int by_name(const void *a, const void *b)
{
	const char *x = json_get_str(*(cJSON *const *)a, "Name");
	const char *y = json_get_str(*(cJSON *const *)b, "Name");
	return strcmp(x ? x : "", y ? y : "");
}

static int ls_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *list = NULL;
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	_cleanup_free_ char *filters = NULL;
	if (cli_filters(opt_list(o, "filter"), &filters, err) < 0)
		return -1;
	_cleanup_free_ char *path =
		client_path("/networks%s%s", filters ? "?filters=" : "", filters ? filters : "");
	if (!path)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path, &list, err) < 0)
		return -1;
	size_t n = (size_t)cJSON_GetArraySize(list), i = 0;
	_cleanup_free_ cJSON **sorted = calloc(n + 1, sizeof *sorted);
	if (!sorted)
		return crl_fail_oom(err);
	for (cJSON *item = list->child; item; item = item->next)
		sorted[i++] = item;
	qsort(sorted, n, sizeof *sorted, by_name);
	for (i = 0; i < n; i++)
		listing_add(rows, make_row(sorted[i], opt_bool(o, "no-trunc")),
			    cJSON_GetObjectItemCaseSensitive(sorted[i], "Labels"));
	return listing_print(&listing, opt_str(o, "format"), opt_bool(o, "quiet"), rows, err);
}

const struct command cmd_network_ls = {
	.usage = "[OPTIONS]",
	.summary = "List networks",
	CLI_OPTS(ls_opts),
	.run = ls_main,
};

/* ---- create ---- */

static const struct opt_spec create_opts[] = {
	{0, "attachable", OPT_BOOL, NULL, "Let containers be connected by hand"},
	{0, "aux-address", OPT_LIST, "map", "Addresses of the network that are taken (name=ip)"},
	{'d', "driver", OPT_STR, "string", "Driver of the network", "bridge"},
	{0, "gateway", OPT_LIST, "strings", "Gateway of the subnet"},
	{0, "internal", OPT_BOOL, NULL, "No way to the outside"},
	{0, "ip-range", OPT_LIST, "strings",
	 "Part of the subnet that containers get addresses from"},
	{0, "ipam-driver", OPT_STR, "string", "Driver of the address management", "default"},
	{0, "ipam-opt", OPT_LIST, "map", "Options of the address management"},
	{0, "ipv4", OPT_BOOL, NULL, "Give IPv4 addresses (true)"},
	{0, "ipv6", OPT_BOOL, NULL, "Give IPv6 addresses, too"},
	{0, "label", OPT_LIST, "list", "Set labels"},
	{'o', "opt", OPT_LIST, "map", "Options of the driver"},
	{0, "subnet", OPT_LIST, "strings", "Subnet (10.1.0.0/16)"},
};

static int pairs(cJSON *parent, const char *key, char *const *list, struct crl_err *err)
{
	cJSON *map = create_object(parent, key);
	for (; list && *list; list++) {
		const char *eq = strchr(*list, '=');
		_cleanup_free_ char *name =
			strndup(*list, eq ? (size_t)(eq - *list) : strlen(*list));
		if (!name || !map)
			return crl_fail_oom(err);
		create_set(map, name, eq ? eq + 1 : "");
	}
	return 0;
}

/* The n-th entry of the family, counted from 0; NULL when there are fewer. */
static const char *of_family(char *const *list, bool six, size_t n)
{
	for (; list && *list; list++)
		if ((strchr(*list, ':') != NULL) == six && n-- == 0)
			return *list;
	return NULL;
}

static void at(cJSON *config, const char *key, char *const *list, bool six, size_t n)
{
	const char *value = of_family(list, six, n);
	if (value)
		create_set(config, key, value);
}

/* Addresses go to the first subnet of their family. */
static int add_aux(cJSON *config, char *const *list, bool six, struct crl_err *err)
{
	_cleanup_strv_ char **mine = NULL;
	for (; list && *list; list++)
		if ((strchr(*list, ':') != NULL) == six && strv_push(&mine, *list) < 0)
			return crl_fail_oom(err);
	return mine ? pairs(config, "AuxiliaryAddresses", mine, err) : 0;
}

/* The n-th --gateway and --ip-range of a family belong to its n-th --subnet. */
static int add_ipam(const struct opts *o, cJSON *body, struct crl_err *err)
{
	cJSON *ipam = create_object(body, "IPAM");
	cJSON *configs = create_array(ipam, "Config");
	char *const *subnets = opt_list(o, "subnet");
	size_t n = subnets ? strv_len(subnets) : 0;
	create_set(ipam, "Driver", opt_str(o, "ipam-driver"));
	if (!n && (opt_set(o, "gateway") || opt_set(o, "ip-range")))
		return crl_fail(err, CRL_INVALID,
				"every ip-range or gateway must have a corresponding subnet");
	for (size_t i = 0; i < n; i++) {
		cJSON *config = cJSON_CreateObject();
		create_set(config, "Subnet", subnets[i]);
		bool six = strchr(subnets[i], ':') != NULL;
		size_t nth = 0;
		for (size_t k = 0; k < i; k++)
			nth += (strchr(subnets[k], ':') != NULL) == six;
		at(config, "Gateway", opt_list(o, "gateway"), six, nth);
		at(config, "IPRange", opt_list(o, "ip-range"), six, nth);
		if (nth == 0 && add_aux(config, opt_list(o, "aux-address"), six, err) < 0) {
			cJSON_Delete(config);
			return -1;
		}
		cJSON_AddItemToArray(configs, config);
	}
	return pairs(ipam, "Options", opt_list(o, "ipam-opt"), err);
}

static int create_net(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = cJSON_CreateObject();
	_cleanup_cjson_ cJSON *reply = NULL;
	create_set(body, "Name", o->args[0]);
	create_set(body, "Driver", opt_str(o, "driver"));
	cJSON_AddBoolToObject(body, "CheckDuplicate", true);
	cJSON_AddBoolToObject(body, "Internal", opt_bool(o, "internal"));
	cJSON_AddBoolToObject(body, "Attachable", opt_bool(o, "attachable"));
	if (opt_set(o, "ipv4"))
		cJSON_AddBoolToObject(body, "EnableIPv4", opt_bool(o, "ipv4"));
	cJSON_AddBoolToObject(body, "EnableIPv6", opt_bool(o, "ipv6"));
	if (add_ipam(o, body, err) < 0 || pairs(body, "Options", opt_list(o, "opt"), err) < 0 ||
	    pairs(body, "Labels", opt_list(o, "label"), err) < 0 ||
	    client_json(&cli->client, "POST", "/networks/create", body, &reply, err) < 0)
		return -1;
	const char *warning = json_get_str(reply, "Warning"), *id = json_get_str(reply, "Id");
	if (!str_empty(warning))
		fprintf(stderr, "WARNING: %s\n", warning);
	puts(id ? id : "");
	return 0;
}

const struct command cmd_network_create = {
	.usage = "[OPTIONS] NETWORK",
	.summary = "Create a network",
	CLI_OPTS(create_opts),
	.min_args = 1,
	.max_args = 1,
	.run = create_net,
};

/* ---- rm ---- */

static const struct opt_spec rm_opts[] = {
	{'f', "force", OPT_BOOL, NULL, "No error for a network that does not exist"},
};

static int rm_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *path = client_object_path("networks", name, NULL);
	if (!path)
		return crl_fail_oom(err);
	if (client_call(&cli->client, "DELETE", path, NULL, NULL, NULL, err) < 0)
		return opt_bool(o, "force") && err->code == CRL_NOT_FOUND ? 0 : -1;
	puts(name);
	return 0;
}

static int rm_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, rm_one);
}

const struct command cmd_network_rm = {
	.usage = "[OPTIONS] NETWORK [NETWORK...]",
	.summary = "Remove networks",
	CLI_OPTS(rm_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_NETWORKS,
	.run = rm_main,
};

/* ---- connect, disconnect ---- */

static const struct opt_spec connect_opts[] = {
	{0, "alias", OPT_LIST, "strings", "Further names in the network"},
	{0, "driver-opt", OPT_LIST, "strings", "Options of the driver"},
	{0, "gw-priority", OPT_INT, "int", "Rank of its gateway; the highest is the default route"},
	{0, "ip", OPT_STR, "string", "IPv4 address"},
	{0, "ip6", OPT_STR, "string", "IPv6 address"},
	{0, "link", OPT_LIST, "list", "Link to another container"},
	{0, "link-local-ip", OPT_LIST, "strings", "Link-local addresses"},
};

static int connect_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = cJSON_CreateObject();
	_cleanup_free_ char *path = client_object_path("networks", o->args[0], "connect");
	cJSON *endpoint = create_object(body, "EndpointConfig");
	create_set(body, "Container", o->args[1]);
	if (opt_set(o, "ip"))
		create_set(create_object(endpoint, "IPAMConfig"), "IPv4Address", opt_str(o, "ip"));
	if (opt_set(o, "ip6"))
		create_set(create_object(endpoint, "IPAMConfig"), "IPv6Address", opt_str(o, "ip6"));
	if (opt_set(o, "link-local-ip"))
		json_add_strv(create_object(endpoint, "IPAMConfig"), "LinkLocalIPs",
			      opt_list(o, "link-local-ip"), false);
	if (opt_set(o, "gw-priority"))
		json_add_i64(endpoint, "GwPriority", opt_int(o, "gw-priority"));
	if (opt_set(o, "alias"))
		json_add_strv(endpoint, "Aliases", opt_list(o, "alias"), false);
	if (opt_set(o, "link"))
		json_add_strv(endpoint, "Links", opt_list(o, "link"), false);
	if (!path)
		return crl_fail_oom(err);
	if (opt_set(o, "driver-opt") &&
	    pairs(endpoint, "DriverOpts", opt_list(o, "driver-opt"), err) < 0)
		return -1;
	return client_call(&cli->client, "POST", path, body, NULL, NULL, err);
}

const struct command cmd_network_connect = {
	.usage = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Connect a container to a network",
	CLI_OPTS(connect_opts),
	.min_args = 2,
	.max_args = 2,
	.complete = COMPLETE_NETWORKS,
	.run = connect_main,
};

static const struct opt_spec disconnect_opts[] = {
	{'f', "force", OPT_BOOL, NULL, "Disconnect in any case"},
};

static int disconnect_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = cJSON_CreateObject();
	_cleanup_free_ char *path = client_object_path("networks", o->args[0], "disconnect");
	create_set(body, "Container", o->args[1]);
	cJSON_AddBoolToObject(body, "Force", opt_bool(o, "force"));
	return path ? client_call(&cli->client, "POST", path, body, NULL, NULL, err)
		    : crl_fail_oom(err);
}

const struct command cmd_network_disconnect = {
	.usage = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Disconnect a container from a network",
	CLI_OPTS(disconnect_opts),
	.min_args = 2,
	.max_args = 2,
	.complete = COMPLETE_NETWORKS,
	.run = disconnect_main,
};
