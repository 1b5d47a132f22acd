/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the terminal while a container has it. See termios(3), signalfd(2),
 * poll(2), and the half-close rules in the Engine API's attach.
 */
#include <cli/session.h>

#include <base/fd.h>
#include <cli/demux.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>

static struct termios saved_mode;
static bool mode_saved;

int session_parse_keys(const char *text, struct session *s, struct crl_err *err)
{
	if (str_empty(text))
		text = "ctrl-p,ctrl-q";
	_cleanup_strv_ char **keys = strv_split(text, ",", true);
	s->n_keys = 0;
	for (size_t i = 0; keys && keys[i]; i++) {
		const char *k = keys[i];
		bool ctrl = str_starts(k, "ctrl-") && strlen(k) == 6;
		char c = ctrl ? k[5] : k[0];
		if (i >= SESSION_MAX_KEYS || (!ctrl && strlen(k) != 1) ||
		    (ctrl && !((c >= 'a' && c <= 'z') || (c >= '@' && c <= '_'))))
			return crl_fail(err, CRL_INVALID, "invalid detach keys (%s) provided",
					text);
		s->keys[s->n_keys++] = (unsigned char)(ctrl ? c & 0x1F : c);
	}
	return keys ? 0 : crl_fail_oom(err);
}

bool session_window(unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize w;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || !w.ws_row || !w.ws_col)
		return false;
	*ret_rows = w.ws_row;
	*ret_columns = w.ws_col;
	return true;
}

void session_restore(void)
{
	if (mode_saved)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_mode);
	mode_saved = false;
}

void session_raw_mode(const struct session *s)
{
	struct termios raw;
	if (!s->tty || !s->use_stdin || tcgetattr(STDIN_FILENO, &saved_mode) < 0)
		return;
	raw = saved_mode;
	cfmakeraw(&raw);
	mode_saved = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	(void)atexit(session_restore);
}

static void send_size(const struct session *s, unsigned more)
{
	unsigned rows, columns;
	struct crl_err ignored = CRL_ERR_INIT;
	if (!s->tty || !s->resize_path || !session_window(&rows, &columns))
		return;
	_cleanup_free_ char *path =
		client_path("%s?h=%u&w=%u", s->resize_path, rows + more, columns + more);
	if (path) /* a container that has just ended is no error worth telling */
		(void)client_call(s->control, "POST", path, NULL, NULL, NULL, &ignored);
}

void session_resize(const struct session *s)
{
	send_size(s, 0);
}

void session_redraw(const struct session *s)
{
	send_size(s, 1);
	send_size(s, 0);
}

/* Signals that only concern ourselves, or that the kernel sends for our own faults, stay. */
static void forwarded(sigset_t *set, bool sig_proxy)
{
	static const int own[] = {SIGCHLD, SIGPIPE, SIGURG, SIGTSTP, SIGTTIN,
				  SIGTTOU, SIGSEGV, SIGBUS, SIGILL,  SIGFPE,
				  SIGABRT, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP};
	if (!sig_proxy) {
		sigemptyset(set);
		sigaddset(set, SIGWINCH);
		return;
	}
	sigfillset(set);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(set, own[i]);
}

void session_block_signals(bool sig_proxy)
{
	sigset_t set;
	forwarded(&set, sig_proxy);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int session_await(const struct client *c, struct crl_err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	_cleanup_close_ int signals = signalfd(-1, &set, SFD_CLOEXEC);
	struct pollfd p[] = {{.fd = c->conn.fd, .events = POLLIN},
			     {.fd = signals, .events = POLLIN}};
	while (poll(p, ARRAY_SIZE(p), -1) < 0)
		if (errno != EINTR)
			return crl_fail_sys(err, errno, "poll");
	if (!p[0].revents && poll(p, 1, 2000) <= 0)
		return crl_fail(err, CRL_UNAVAILABLE,
				"interrupted; the daemon has not answered yet and may still start "
				"the container");
	return 0;
}

struct loop {
	struct session *s;
	struct demux demux;
	int signals;
	bool stdin_open, read_end;
	char pending[32768]; /* input on its way to the container */
	size_t pending_len, pending_at;
	size_t keys_matched;
	bool detached;
};

/* Input before the keys is complete goes on; ret = bytes to send. Held-back keys are re-sent when
 * the rest differs. */
static size_t filter_keys(struct loop *l, const char *in, size_t len, char *out)
{
	const struct session *s = l->s;
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)in[i] == s->keys[l->keys_matched]) {
			if (++l->keys_matched == s->n_keys) {
				l->detached = true;
				return n;
			}
			continue;
		}
		memcpy(out + n, s->keys, l->keys_matched);
		n += l->keys_matched;
		l->keys_matched = (unsigned char)in[i] == s->keys[0];
		if (!l->keys_matched)
			out[n++] = in[i];
	}
	return n;
}

static void end_input(struct loop *l)
{
	l->stdin_open = false;
	(void)shutdown(l->s->conn->fd, SHUT_WR);
}

static void read_input(struct loop *l)
{
	char in[16384];
	ssize_t n = read(STDIN_FILENO, in, sizeof in);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		end_input(l);
		return;
	}
	l->pending_at = 0;
	if (l->s->detachable && l->s->n_keys) {
		l->pending_len = filter_keys(l, in, (size_t)n, l->pending);
	} else {
		memcpy(l->pending, in, (size_t)n);
		l->pending_len = (size_t)n;
	}
}

/* Never waits: a container that does not read must not keep us from showing its output. */
static void send_pending(struct loop *l)
{
	ssize_t n = send(l->s->conn->fd, l->pending + l->pending_at, l->pending_len - l->pending_at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) { /* the other side has stopped reading; its output may go on */
		l->stdin_open = false;
		l->pending_len = l->pending_at = 0;
		return;
	}
	l->pending_at += (size_t)n;
	if (l->pending_at == l->pending_len)
		l->pending_len = l->pending_at = 0;
}

static void handle_signal(struct loop *l)
{
	struct signalfd_siginfo si;
	struct crl_err ignored = CRL_ERR_INIT;
	if (read(l->signals, &si, sizeof si) != sizeof si)
		return;
	if (si.ssi_signo == SIGWINCH) {
		session_resize(l->s);
		return;
	}
	if (!l->s->kill_path)
		return;
	_cleanup_free_ char *path = client_path("%s?signal=%u", l->s->kill_path, si.ssi_signo);
	if (path) /* 409 when it has just ended */
		(void)client_call(l->s->control, "POST", path, NULL, NULL, NULL, &ignored);
}

static int read_output(struct loop *l, struct crl_err *err)
{
	static char data[65536];
	ssize_t n = http_raw_read(l->s->conn, data, sizeof data);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0) { /* a reset after the end says no more than an end */
		l->read_end = true;
		return 0;
	}
	if (l->s->tty)
		return fd_write_all(STDOUT_FILENO, data, (size_t)n, err);
	return demux_feed(&l->demux, data, (size_t)n, err);
}

static int wait_once(struct loop *l, struct crl_err *err)
{
	bool sending = l->pending_len > 0;
	struct pollfd p[] = {
		{.fd = l->s->conn->fd, .events = (short)(POLLIN | (sending ? POLLOUT : 0))},
		{.fd = l->signals, .events = POLLIN},
		{.fd = l->stdin_open && !sending ? STDIN_FILENO : -1, .events = POLLIN},
	};
	int timeout = http_has_buffered(l->s->conn) ? 0 : -1;
	if (poll(p, ARRAY_SIZE(p), timeout) < 0)
		return errno == EINTR ? 0 : crl_fail_sys(err, errno, "poll");
	if (p[1].revents)
		handle_signal(l);
	if (p[2].revents)
		read_input(l);
	if (l->pending_len && (p[0].revents & POLLOUT || !sending))
		send_pending(l);
	if (timeout == 0 || p[0].revents & (POLLIN | POLLHUP | POLLERR))
		return read_output(l, err);
	return 0;
}

int session_run(struct session *s, enum session_end *ret, struct crl_err *err)
{
	sigset_t set;
	forwarded(&set, s->sig_proxy);
	_cleanup_free_ struct loop *l = calloc(1, sizeof *l);
	if (!l)
		return crl_fail_oom(err);
	_cleanup_close_ int signals = signalfd(-1, &set, SFD_CLOEXEC);
	l->s = s;
	l->demux.sink = demux_to_stdio;
	l->stdin_open = s->use_stdin;
	l->signals = signals;
	while (!l->read_end && !l->detached)
		if (wait_once(l, err) < 0)
			return -1;
	*ret = l->detached ? SESSION_DETACHED : SESSION_ENDED;
	return 0;
}
