/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the JSON form of what daemon and monitor say to each other and the
 * bytes of the exit record. It opens no socket and keeps no state: both ends
 * link it, so that they cannot disagree. See open(2), pwrite(2), fdatasync(2).
 */
#include <crun-lite/monitor_proto.h>

#include <base/cleanup.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct json_field attach_fields[] = {
	JSON_BOOL(struct mon_attach, stdin_, "stdin", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_attach, stdout_, "stdout", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_attach, stderr_, "stderr", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_attach, framed, "framed", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_attach, detach_keys, "detach_keys", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_attach, early_input, "early_input", JSON_OMIT_EMPTY),
};
const struct json_table mon_attach_json = JSON_TABLE("attach", struct mon_attach, attach_fields);

static const struct json_field log_fields[] = {
	JSON_STR(struct mon_log, driver, "driver", 0),
	JSON_STR(struct mon_log, path, "path", JSON_OMIT_EMPTY),
	JSON_I64(struct mon_log, max_size, "max_size", JSON_OMIT_EMPTY),
	JSON_I64(struct mon_log, max_file, "max_file", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_log, compress, "compress", JSON_OMIT_EMPTY),
	JSON_RAW(struct mon_log, attrs, "attrs", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_log, tag, "tag", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_log, address, "address", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_log, format, "format", JSON_OMIT_EMPTY),
	JSON_I32(struct mon_log, facility, "facility", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_log, id, "id", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_log, name, "name", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_log, image, "image", JSON_OMIT_EMPTY),
	JSON_I64(struct mon_log, max_buffer, "max_buffer", JSON_OMIT_EMPTY),
};
const struct json_table mon_log_json = JSON_TABLE("log", struct mon_log, log_fields);

static const struct json_field volume_fields[] = {
	JSON_STR(struct mon_volume, dir, "dir", JSON_REQUIRED),
	JSON_STR(struct mon_volume, type, "type", 0),
	JSON_STR(struct mon_volume, device, "device", 0),
	JSON_STR(struct mon_volume, options, "options", JSON_OMIT_EMPTY),
};
static const struct json_table volume_json = JSON_TABLE("volume", struct mon_volume, volume_fields);

static const struct json_field source_fields[] = {
	JSON_STR(struct mon_source, destination, "destination", JSON_REQUIRED),
	JSON_STR(struct mon_source, root, "root", JSON_OMIT_EMPTY),
	JSON_I64(struct mon_source, peer, "peer", JSON_OMIT_EMPTY),
	JSON_STRV(struct mon_source, lowers, "lowers", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_source, subpath, "subpath", JSON_OMIT_EMPTY),
};
static const struct json_table source_json = JSON_TABLE("source", struct mon_source, source_fields);

static const struct json_field runtime_fields[] = {
	JSON_STR(struct mon_runtime, name, "name", JSON_REQUIRED),
	JSON_STR(struct mon_runtime, path, "path", JSON_REQUIRED),
	JSON_STRV(struct mon_runtime, args, "args", JSON_OMIT_EMPTY),
};
static const struct json_table runtime_json =
	JSON_TABLE("runtime", struct mon_runtime, runtime_fields);

static const struct json_field cdi_fields[] = {
	JSON_STR(struct mon_cdi, program, "program", JSON_REQUIRED),
	JSON_STRV(struct mon_cdi, dirs, "dirs", JSON_OMIT_EMPTY),
	JSON_STRV(struct mon_cdi, devices, "devices", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_cdi, no_gpu, "no_gpu", JSON_OMIT_EMPTY),
};
static const struct json_table cdi_json = JSON_TABLE("cdi", struct mon_cdi, cdi_fields);

static const struct json_field start_fields[] = {
	JSON_STR(struct mon_start, config, "config", JSON_REQUIRED),
	JSON_STR(struct mon_start, id, "id", JSON_OMIT_EMPTY),
	JSON_STRV(struct mon_start, lowers, "lowers", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_start, upper, "upper", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_start, work, "work", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_start, user, "user", JSON_OMIT_EMPTY),
	JSON_STRV(struct mon_start, group_add, "group_add", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_start, tty, "tty", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_start, open_stdin, "open_stdin", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_start, stdin_once, "stdin_once", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_start, durable, "durable", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_start, netns, "netns", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_start, cache_dir, "cache_dir", JSON_OMIT_EMPTY),
	JSON_OBJ(struct mon_start, log, "log", JSON_OMIT_EMPTY, &mon_log_json),
	JSON_OBJV(struct mon_start, attach, n_attach, "attach", JSON_OMIT_EMPTY, &mon_attach_json),
	JSON_I32(struct mon_start, tty_rows, "tty_rows", JSON_OMIT_EMPTY),
	JSON_I32(struct mon_start, tty_cols, "tty_cols", JSON_OMIT_EMPTY),
	JSON_OBJV(struct mon_start, volumes, n_volumes, "volumes", JSON_OMIT_EMPTY, &volume_json),
	JSON_OBJV(struct mon_start, sources, n_sources, "sources", JSON_OMIT_EMPTY, &source_json),
	JSON_OBJP(struct mon_start, runtime, "runtime", JSON_OMIT_EMPTY, &runtime_json),
	JSON_OBJP(struct mon_start, cdi, "cdi", JSON_OMIT_EMPTY, &cdi_json),
	JSON_STR(struct mon_start, checkpoint, "checkpoint", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_start, explain, "explain", JSON_OMIT_EMPTY),
};
const struct json_table mon_start_json = JSON_TABLE("start", struct mon_start, start_fields);

static const struct json_field exec_fields[] = {
	JSON_STR(struct mon_exec, exec_id, "exec_id", JSON_REQUIRED),
	JSON_OBJ(struct mon_exec, process, "process", JSON_REQUIRED, &oci_process_json),
	JSON_STR(struct mon_exec, user, "user", JSON_OMIT_EMPTY),
	JSON_STRV(struct mon_exec, group_add, "group_add", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exec, tty, "tty", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exec, open_stdin, "open_stdin", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exec, unconfined, "unconfined", JSON_OMIT_EMPTY),
	JSON_OBJP(struct mon_exec, attach, "attach", JSON_OMIT_EMPTY, &mon_attach_json),
	JSON_I32(struct mon_exec, tty_rows, "tty_rows", JSON_OMIT_EMPTY),
	JSON_I32(struct mon_exec, tty_cols, "tty_cols", JSON_OMIT_EMPTY),
	JSON_I64(struct mon_exec, capture, "capture", JSON_OMIT_EMPTY),
	JSON_I64(struct mon_exec, timeout_ms, "timeout_ms", JSON_OMIT_EMPTY),
};
const struct json_table mon_exec_json = JSON_TABLE("exec", struct mon_exec, exec_fields);

static const struct json_field started_fields[] = {
	JSON_I64(struct mon_started, pid, "pid", JSON_OMIT_EMPTY),
	JSON_U64(struct mon_started, start_ticks, "start_ticks", JSON_OMIT_EMPTY),
	JSON_I64S(struct mon_started, started_at, "started_at", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_started, cgroup, "cgroup", JSON_OMIT_EMPTY),
	JSON_STRV(struct mon_started, warnings, "warnings", JSON_OMIT_EMPTY),
};
const struct json_table mon_started_json =
	JSON_TABLE("started", struct mon_started, started_fields);

static const struct json_field resize_fields[] = {
	JSON_STR(struct mon_resize, exec_id, "exec_id", JSON_OMIT_EMPTY),
	JSON_I32(struct mon_resize, rows, "rows", JSON_REQUIRED),
	JSON_I32(struct mon_resize, cols, "cols", JSON_REQUIRED),
};
const struct json_table mon_resize_json = JSON_TABLE("resize", struct mon_resize, resize_fields);

static const struct json_field signal_fields[] = {
	JSON_STR(struct mon_signal, exec_id, "exec_id", JSON_OMIT_EMPTY),
	JSON_I32(struct mon_signal, signal, "signal", JSON_REQUIRED),
};
const struct json_table mon_signal_json = JSON_TABLE("signal", struct mon_signal, signal_fields);

static const struct json_field checkpoint_fields[] = {
	JSON_STR(struct mon_checkpoint, dir, "dir", JSON_REQUIRED),
	JSON_BOOL(struct mon_checkpoint, exit, "exit", JSON_OMIT_EMPTY),
};
const struct json_table mon_checkpoint_json =
	JSON_TABLE("checkpoint", struct mon_checkpoint, checkpoint_fields);

static const struct json_field exit_fields[] = {
	JSON_STR(struct mon_exit, exec_id, "exec_id", JSON_OMIT_EMPTY),
	JSON_I32(struct mon_exit, exit_code, "exit_code", 0),
	JSON_I32(struct mon_exit, signal, "signal", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exit, oom_killed, "oom_killed", JSON_OMIT_EMPTY),
	JSON_I64S(struct mon_exit, finished_at, "finished_at", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exit, capture, "capture", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exit, truncated, "truncated", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exit, timed_out, "timed_out", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_exit, output, "output", JSON_OMIT_EMPTY),
};
const struct json_table mon_exit_json = JSON_TABLE("exit", struct mon_exit, exit_fields);

static const struct json_field exec_state_fields[] = {
	JSON_STR(struct mon_exec_state, exec_id, "exec_id", JSON_REQUIRED),
	JSON_BOOL(struct mon_exec_state, running, "running", 0),
	JSON_I64(struct mon_exec_state, pid, "pid", JSON_OMIT_EMPTY),
	JSON_I32(struct mon_exec_state, exit_code, "exit_code", 0),
	JSON_I64S(struct mon_exec_state, started_at, "started_at", JSON_OMIT_EMPTY),
	JSON_I64S(struct mon_exec_state, finished_at, "finished_at", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exec_state, capture, "capture", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exec_state, truncated, "truncated", JSON_OMIT_EMPTY),
	JSON_BOOL(struct mon_exec_state, timed_out, "timed_out", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_exec_state, output, "output", JSON_OMIT_EMPTY),
};
static const struct json_table exec_state_json =
	JSON_TABLE("exec state", struct mon_exec_state, exec_state_fields);

static const struct json_field state_fields[] = {
	JSON_I32(struct mon_state, version, "version", JSON_REQUIRED),
	JSON_I64(struct mon_state, monitor_pid, "monitor_pid", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_state, status, "status", JSON_REQUIRED),
	JSON_OBJ(struct mon_state, started, "started", JSON_OMIT_EMPTY, &mon_started_json),
	JSON_OBJ(struct mon_state, exit, "exit", JSON_OMIT_EMPTY, &mon_exit_json),
	JSON_OBJV(struct mon_state, execs, n_execs, "execs", JSON_OMIT_EMPTY, &exec_state_json),
};
const struct json_table mon_state_json = JSON_TABLE("state", struct mon_state, state_fields);

static const struct json_field error_fields[] = {
	JSON_I32(struct mon_error, code, "code", JSON_REQUIRED),
	JSON_I32(struct mon_error, sys, "sys", JSON_OMIT_EMPTY),
	JSON_I32(struct mon_error, exit_code, "exit_code", JSON_OMIT_EMPTY),
	JSON_STR(struct mon_error, message, "message", 0),
};
const struct json_table mon_error_json = JSON_TABLE("error", struct mon_error, error_fields);

/* --- the exit record --- */

#define RECORD_NAME "exit"
#define RECORD_VERSION 1U
#define RECORD_CRC_LEN offsetof(struct mon_exit_record, crc)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the record is little-endian: a big-endian port must swap here");

/* The polynomial of zlib's crc32(), bit by bit: 124 bytes twice in a container's life. */
static uint32_t record_crc(const struct mon_exit_record *rec)
{
	const uint8_t *bytes = (const uint8_t *)rec;
	uint32_t crc = ~0U;
	for (size_t i = 0; i < RECORD_CRC_LEN; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xEDB88320U & -(crc & 1U));
	}
	return ~crc;
}

int mon_exit_record_read(int dir_fd, struct mon_exit_record *ret, struct crl_err *err)
{
	_cleanup_close_ int fd = openat(dir_fd, RECORD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? crl_fail(err, CRL_NOT_FOUND, "exit record: none written")
				       : crl_fail_sys(err, errno, "exit record: open");
	struct mon_exit_record rec;
	ssize_t n;
	do
		n = pread(fd, &rec, sizeof(rec), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return crl_fail_sys(err, errno, "exit record: read");
	if (n != sizeof(rec))
		return crl_fail(err, CRL_INVALID, "exit record: %zd bytes where %zu were expected",
				n, sizeof(rec));
	if (rec.magic != MON_EXIT_MAGIC || rec.version != RECORD_VERSION)
		return crl_fail(err, CRL_INVALID, "exit record: not a record of version %u",
				RECORD_VERSION);
	if (rec.crc != record_crc(&rec))
		return crl_fail(err, CRL_INVALID, "exit record: checksum does not match");
	*ret = rec;
	return 0;
}

/* One pwrite of the whole slot: after the first time it overwrites a block that is already there,
 * so a full disk cannot lose an exit status. */
static int record_put(int fd, const struct mon_exit_record *rec, struct crl_err *err)
{
	ssize_t n;
	do
		n = pwrite(fd, rec, sizeof(*rec), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return crl_fail_sys(err, errno, "exit record: write");
	if (n != sizeof(*rec))
		return crl_fail(err, CRL_IO, "exit record: only %zd bytes were written", n);
	return 0;
}

int mon_exit_record_write(int dir_fd, struct mon_exit_record *rec, bool durable,
			  struct crl_err *err)
{
	_cleanup_close_ int fd =
		openat(dir_fd, RECORD_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return crl_fail_sys(err, errno, "exit record: open");
	struct stat st;
	if (fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "exit record: stat");
	rec->magic = MON_EXIT_MAGIC;
	rec->version = RECORD_VERSION;
	rec->crc = record_crc(rec);
	if (record_put(fd, rec, err) < 0)
		return -1;
	if (!durable)
		return 0;
	if (fdatasync(fd) < 0)
		return crl_fail_sys(err, errno, "exit record: sync");
	/* A new name lives in the folder, not in the file. */
	if (st.st_size == 0 && fsync(dir_fd) < 0)
		return crl_fail_sys(err, errno, "exit record: sync of its folder");
	return 0;
}
