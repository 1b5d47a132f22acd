/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of a log: PATH, PATH.1, PATH.2.gz ... read as what it was before it was compressed. */
#ifndef DAEMON_LOG_FILE_H
#define DAEMON_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct log_file {
	int fd;         /* -1 = none */
	unsigned index; /* 0 = PATH, n = PATH.n */
	/* Of the file before it was compressed; 0 = not known. */
	uint64_t inode, written;     /* written: ns, of compressed ones */
	struct log_inflate *inflate; /* NULL: not compressed */
};
#define LOG_FILE_INIT                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* false: there is none of that number; *ret is empty then. */
bool log_file_open(const char *path, unsigned index, struct log_file *ret);
void log_file_close(struct log_file *f);
/* As read(2). A damaged compressed file ends where the damage begins. */
ssize_t log_file_read(struct log_file *f, void *buf, size_t size);
/* The number of the oldest file; 0 = there is no more than PATH. */
unsigned log_file_oldest(const char *path);
/* Where `f` stands now, after rotations; false: it was dropped, or compressed by a stranger. */
bool log_file_find(const struct log_file *f, const char *path, unsigned *ret_index);
/* The file was emptied under us (a log of one file that is full): begins again. */
bool log_file_rewound(const struct log_file *f);

#endif
