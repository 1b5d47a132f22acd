/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPAM of POST /networks/create: its table, its checks in docker's words, what it means. */
#ifndef DAEMON_API_NETWORKS_IPAM_H
#define DAEMON_API_NETWORKS_IPAM_H

#include "network_priv.h"

struct ipam_config_body {
	char *subnet, *ip_range, *gateway;
	struct strmap aux;
};
struct ipam_body {
	char *driver;
	struct ipam_config_body *config;
	size_t n_config;
	struct strmap options;
};
extern const struct json_table api_ipam_json;

/* CRL_INVALID "invalid network config:\n..." with one line for each mistake. */
int api_ipam_check(const struct ipam_body *b, bool ipv6, struct crl_err *err);
/*
 * Subnets, gateways, ranges and reserved addresses of `net`: what the body says, and for a family
 * that it leaves out a subnet from the pools. The network's options are parsed already.
 */
int api_ipam_fill(struct networks *n, struct network *net, const struct ipam_body *b, bool ipv4,
		  bool ipv6, struct crl_err *err);

#endif
