/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of endpoints: of the host's end of the pair, or from inside. See proc_net(5). */
#include "network_priv.h"

#include <base/path.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

int net_stats_read(const struct net_endpoint *ep, struct net_stats *ret, struct crl_err *err)
{
	struct netlink *nl = NULL;
	struct net_stats host;

	if (netlink_open(&nl, err) < 0)
		return -1;
	int r = netlink_stats(nl, ep->link, &host, err);
	netlink_close(nl);
	if (r < 0)
		return -1;
	/* What our end sends, the container's end receives. */
	*ret = (struct net_stats){
		.rx_bytes = host.tx_bytes,
		.rx_packets = host.tx_packets,
		.rx_errors = host.tx_errors,
		.rx_dropped = host.tx_dropped,
		.tx_bytes = host.rx_bytes,
		.tx_packets = host.rx_packets,
		.tx_errors = host.rx_errors,
		.tx_dropped = host.rx_dropped,
	};
	return 0;
}

/* "  eth0: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0" */
static bool stats_line(const char *line, const char *ifname, struct net_stats *ret)
{
	struct net_stats n;
	size_t len = strlen(ifname);

	line += strspn(line, " ");
	if (strncmp(line, ifname, len) != 0 || line[len] != ':')
		return false;
	if (sscanf(line + len + 1,
		   "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 " %*u %*u %*u %*u %" SCNu64
		   "%" SCNu64 "%" SCNu64 "%" SCNu64,
		   &n.rx_bytes, &n.rx_packets, &n.rx_errors, &n.rx_dropped, &n.tx_bytes,
		   &n.tx_packets, &n.tx_errors, &n.tx_dropped) != 8)
		return false;
	*ret = n;
	return true;
}

int net_stats_inside(pid_t pid, const char *ifname, struct net_stats *ret, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("/proc/%d/net/dev", (int)pid), *text = NULL;
	size_t len;

	if (!path)
		return crl_fail_oom(err);
	if (path_read_file(AT_FDCWD, path, 256 * 1024, &text, &len, err) < 0)
		return -1;
	_cleanup_strv_ char **lines = strv_split(text, "\n", false);
	for (char **l = lines; l && *l; l++)
		if (stats_line(*l, ifname, ret))
			return 0;
	return crl_fail(err, CRL_NOT_FOUND, "interface %s", ifname);
}
