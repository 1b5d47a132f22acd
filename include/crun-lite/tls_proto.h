/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between crun-lited and crun-lite-tls, its front for tcp:// hosts.
 *
 * Started as "crun-lite-tls server" with these descriptors:
 *	0, 1 /dev/null, 2 the daemon's log
 *	3    control: a SOCK_SEQPACKET socket
 *	4    the listening socket
 *	5    a memfd: {"ca":PEM,"cert":PEM,"key":PEM,"log":LEVEL,"json":bool}
 *
 * Every client that has shown its certificate is one message on the control socket,
 *	{"subject":"CN=...","from":"192.0.2.1:4711"}
 * with one descriptor: a stream socket with the client's bytes in clear. So the daemon knows who
 * asks from the one process that can know, and not from a header that anybody can write.
 *
 * End of file on the control socket is the daemon's end: the front stops listening, serves the
 * sessions it has (monitors hold their other ends) and ends with the last one.
 */
#ifndef CRUN_LITE_TLS_PROTO_H
#define CRUN_LITE_TLS_PROTO_H

#define TLS_CONTROL_FD 3
#define TLS_LISTEN_FD 4
#define TLS_ARGS_FD 5
#define TLS_MESSAGE_MAX 2048

#endif
