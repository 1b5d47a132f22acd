/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our nftables table in the kernel: runs the commands of nft_rules.c as
 * transactions, and notices when others change firewall tables.
 *
 * May not touch any table but ours. See libnftables(3), netlink(7).
 */
#include "nft.h"

#include <base/json.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

struct nft {
	struct nft_ctx *ctx;
	char table[32];
};

int nft_open(const char *table, struct nft **ret, struct crl_err *err)
{
	struct nft *n = calloc(1, sizeof(*n));

	if (!n)
		return crl_fail_oom(err);
	snprintf(n->table, sizeof(n->table), "%s", table);
	n->ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!n->ctx || nft_ctx_buffer_output(n->ctx) || nft_ctx_buffer_error(n->ctx)) {
		nft_close(n);
		return crl_fail(err, CRL_KERNEL, "nftables context");
	}
	*ret = n;
	return 0;
}

void nft_close(struct nft *n)
{
	if (!n)
		return;
	if (n->ctx)
		nft_ctx_free(n->ctx);
	free(n);
}

static int nft_run(struct nft *n, const struct buf *commands, struct crl_err *err)
{
	if (commands->failed)
		return crl_fail_oom(err);
	if (commands->len == 0)
		return 0;
	int r = nft_run_cmd_from_buffer(n->ctx, commands->data);
	nft_ctx_get_output_buffer(n->ctx);
	const char *text = nft_ctx_get_error_buffer(n->ctx);
	if (r == 0)
		return 0;
	/* The first line says what; the rest quotes our command. */
	return crl_fail(err, CRL_KERNEL, "nftables table %s: %.*s", n->table,
			(int)strcspn(text, "\n"), *text ? text : "refused");
}

int nft_apply(struct nft *n, const struct nft_state *state, bool keep_ports, struct crl_err *err)
{
	_cleanup_buf_ struct buf commands = BUF_INIT, fresh = BUF_INIT;
	struct crl_err first = CRL_ERR_INIT;

	nft_rules_all(&commands, n->table, state, keep_ports);
	if (nft_run(n, &commands, &first) == 0)
		return 0;
	buf_printf(&fresh, "add table inet %s\ndelete table inet %s\n", n->table, n->table);
	nft_rules_all(&fresh, n->table, state, false);
	return nft_run(n, &fresh, err);
}

int nft_net(struct nft *n, const struct nft_net *net, bool add, struct crl_err *err)
{
	_cleanup_buf_ struct buf commands = BUF_INIT;

	nft_rules_net(&commands, n->table, net, add);
	return nft_run(n, &commands, err);
}

int nft_ports(struct nft *n, const struct nft_port *ports, size_t count, bool add,
	      struct crl_err *err)
{
	_cleanup_buf_ struct buf commands = BUF_INIT;

	nft_rules_ports(&commands, n->table, ports, count, add);
	return nft_run(n, &commands, err);
}

static size_t nft_count_rules(const char *listing)
{
	_cleanup_cjson_ cJSON *tree = cJSON_Parse(listing);
	const cJSON *item;
	size_t n = 0;

	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(tree, "nftables"))
		n += cJSON_GetObjectItemCaseSensitive(item, "rule") != NULL;
	return n;
}

bool nft_intact(struct nft *n)
{
	char command[64];

	snprintf(command, sizeof(command), "list table inet %s\n", n->table);
	nft_ctx_output_set_flags(n->ctx, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_TERSE);
	int r = nft_run_cmd_from_buffer(n->ctx, command);
	const char *listing = nft_ctx_get_output_buffer(n->ctx);
	nft_ctx_get_error_buffer(n->ctx);
	nft_ctx_output_set_flags(n->ctx, 0);
	return r == 0 && nft_count_rules(listing) == nft_rules_count();
}

void nft_delete_table(struct nft *n)
{
	_cleanup_buf_ struct buf commands = BUF_INIT;
	struct crl_err ignored;

	/* "add" first: deleting what is not there would be an error. */
	buf_printf(&commands, "add table inet %s\ndelete table inet %s\n", n->table, n->table);
	(void)nft_run(n, &commands, &ignored);
}

int nft_watch_open(int *ret_fd, struct crl_err *err)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_NFTABLES;
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return crl_fail_sys(err, errno, "watch nftables");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* The process that made the transaction this message ends, 0 when it is another kind of message. */
static uint32_t nft_watch_author(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = NLMSG_DATA(h);

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN) ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*g)))
		return 0;
	const char *p = (const char *)g + NLMSG_ALIGN(sizeof(*g));
	const char *end = (const char *)h + h->nlmsg_len;
	while (p + sizeof(struct nlattr) <= end) {
		const struct nlattr *a = (const void *)p;
		if (a->nla_len < sizeof(*a) || p + a->nla_len > end)
			return 0;
		if ((a->nla_type & NLA_TYPE_MASK) == NFTA_GEN_PROC_PID &&
		    a->nla_len >= sizeof(*a) + 4) {
			const uint8_t *v = (const uint8_t *)(a + 1);
			return (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 |
			       v[3];
		}
		p += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

bool nft_watch_read(int fd)
{
	_Alignas(NLMSG_ALIGNTO) static char data[32768];
	bool foreign = false;
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), MSG_TRUNC)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) { /* messages were lost: suspect the worst */
			foreign = true;
			continue;
		}
		if (n < 0)
			break;
		size_t left = (size_t)n < sizeof(data) ? (size_t)n : sizeof(data);
		for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			uint32_t author = nft_watch_author(h);
			foreign |= author != 0 && author != (uint32_t)getpid();
		}
	}
	return foreign;
}
