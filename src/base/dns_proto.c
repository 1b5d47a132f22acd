/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON form of what daemon and DNS server say to each other; both ends link it. */
#include <crun-lite/dns_proto.h>

static const struct json_field ep_fields[] = {
	JSON_STR(struct dns_ep, network_id, "network_id", JSON_REQUIRED),
	JSON_STR(struct dns_ep, network, "network", JSON_REQUIRED),
	JSON_STR(struct dns_ep, ip, "ip", JSON_OMIT_EMPTY),
	JSON_I32(struct dns_ep, prefix, "prefix", JSON_OMIT_EMPTY),
	JSON_STR(struct dns_ep, ip6, "ip6", JSON_OMIT_EMPTY),
	JSON_I32(struct dns_ep, prefix6, "prefix6", JSON_OMIT_EMPTY),
	JSON_BOOL(struct dns_ep, internal, "internal", JSON_OMIT_EMPTY),
	JSON_STRV(struct dns_ep, names, "names", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct dns_ep, links, "links", JSON_OMIT_EMPTY),
};
static const struct json_table ep_json = JSON_TABLE("endpoint", struct dns_ep, ep_fields);

static const struct json_field box_fields[] = {
	JSON_STR(struct dns_box, id, "id", JSON_REQUIRED),
	JSON_OBJV(struct dns_box, eps, n_eps, "endpoints", JSON_OMIT_EMPTY, &ep_json),
	JSON_STRV(struct dns_box, servers, "servers", JSON_OMIT_EMPTY),
};
static const struct json_table box_json = JSON_TABLE("container", struct dns_box, box_fields);

static const struct json_field msg_fields[] = {
	JSON_STR(struct dns_msg, op, "op", JSON_REQUIRED),
	JSON_I32(struct dns_msg, version, "version", JSON_OMIT_EMPTY),
	JSON_I64(struct dns_msg, pid, "pid", JSON_OMIT_EMPTY),
	JSON_U64(struct dns_msg, ticks, "ticks", JSON_OMIT_EMPTY),
	JSON_STR(struct dns_msg, id, "id", JSON_OMIT_EMPTY),
	JSON_OBJP(struct dns_msg, box, "container", JSON_OMIT_EMPTY, &box_json),
};
const struct json_table dns_msg_json = JSON_TABLE("dns message", struct dns_msg, msg_fields);
