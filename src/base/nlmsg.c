/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink requests by hand; owns no socket. See netlink(7), rtnetlink(7). */
#include <base/cleanup.h>
#include <base/nlmsg.h>

#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/socket.h>

/* Zeroed room of `len` bytes, padded to netlink's alignment; NULL when the buffer is full. */
static void *nlmsg_room(struct nlmsg *m, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);

	if (m->overflow || padded < len || m->len + padded > sizeof(m->data)) {
		m->overflow = true;
		return NULL;
	}
	void *p = m->data + m->len;
	memset(p, 0, padded);
	m->len += padded;
	return p;
}

static void nlmsg_fix_length(struct nlmsg *m)
{
	struct nlmsghdr *h = (void *)(m->data + m->start);

	if (!m->overflow)
		h->nlmsg_len = (uint32_t)(m->len - m->start);
}

void nlmsg_begin(struct nlmsg *m, uint16_t type, uint16_t flags, const void *fixed, size_t len)
{
	size_t start = m->len;
	struct nlmsghdr *h = nlmsg_room(m, sizeof(*h));

	if (!h)
		return;
	m->start = start;
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	h->nlmsg_seq = ++m->count;
	nlmsg_raw(m, fixed, len);
}

void nlmsg_raw(struct nlmsg *m, const void *data, size_t len)
{
	void *p = nlmsg_room(m, len);

	if (!p)
		return;
	memcpy(p, data, len);
	nlmsg_fix_length(m);
}

void nlmsg_attr(struct nlmsg *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = nlmsg_room(m, RTA_LENGTH(len));

	if (!a)
		return;
	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	nlmsg_fix_length(m);
}

void nlmsg_attr_u32(struct nlmsg *m, uint16_t type, uint32_t v)
{
	nlmsg_attr(m, type, &v, sizeof(v));
}

void nlmsg_attr_u8(struct nlmsg *m, uint16_t type, uint8_t v)
{
	nlmsg_attr(m, type, &v, sizeof(v));
}

void nlmsg_attr_str(struct nlmsg *m, uint16_t type, const char *s)
{
	nlmsg_attr(m, type, s, strlen(s) + 1);
}

size_t nlmsg_nest(struct nlmsg *m, uint16_t type)
{
	size_t at = m->len;

	nlmsg_attr(m, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nlmsg_end(struct nlmsg *m, size_t nest)
{
	struct rtattr *a = (void *)(m->data + nest);

	if (!m->overflow)
		a->rta_len = (uint16_t)(m->len - nest);
}

const struct nlattr *nlmsg_find(const void *from, const void *end, uint16_t type)
{
	const char *p = from, *last = end;

	while (p + sizeof(struct nlattr) <= last) {
		const struct nlattr *a = (const void *)p;
		if (a->nla_len < sizeof(*a) || p + a->nla_len > last)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		p += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

int nlmsg_open(int *ret_fd, struct crl_err *err)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return crl_fail_sys(err, errno, "netlink socket");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Errors of the answers in one datagram; *left counts the answers still to come. */
static int nlmsg_answers(const char *data, size_t n, unsigned *left)
{
	int first = 0;

	for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_type != NLMSG_ERROR ||
		    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			continue;
		const struct nlmsgerr *e = NLMSG_DATA(h);
		if (e->error && !first)
			first = -e->error;
		if (*left)
			(*left)--;
	}
	return first;
}

int nlmsg_talk(int sock, struct nlmsg *m)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	_Alignas(NLMSG_ALIGNTO) char answer[8192];
	unsigned left = m->count;
	int first = m->overflow ? EMSGSIZE : 0;

	if (!first &&
	    sendto(sock, m->data, m->len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		first = errno;
	*m = (struct nlmsg){0};
	if (first)
		return first;
	while (left > 0) {
		ssize_t n = recv(sock, answer, sizeof(answer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		int e = nlmsg_answers(answer, (size_t)n, &left);
		if (!first)
			first = e;
	}
	return first;
}

void nlmsg_bridge_port(struct nlmsg *m, unsigned index, bool isolated)
{
	struct ifinfomsg port = {.ifi_family = AF_BRIDGE, .ifi_index = (int)index};

	nlmsg_begin(m, RTM_SETLINK, 0, &port, sizeof(port));
	size_t info = nlmsg_nest(m, IFLA_PROTINFO);
	nlmsg_attr_u8(m, IFLA_BRPORT_MODE, 1);
	nlmsg_attr_u8(m, IFLA_BRPORT_ISOLATED, isolated);
	nlmsg_end(m, info);
}
