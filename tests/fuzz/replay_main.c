/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over the files below the folders given: a corpus as a unit test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <base/fd.h>
#include <base/path.h>
#include <base/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (16U * 1024 * 1024)

static int replay_file(int dir_fd, const char *name)
{
	_cleanup_free_ char *data = NULL;
	struct crl_err err = CRL_ERR_INIT;
	size_t len;

	if (path_read_file(dir_fd, name, INPUT_MAX, &data, &len, &err) < 0) {
		fprintf(stderr, "%s: %s\n", name, err.msg);
		return -1;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	return 0;
}

static int replay_dir(const char *path, size_t *count)
{
	_cleanup_closedir_ DIR *dir = opendir(path);

	if (!dir) {
		perror(path);
		return -1;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (*e->d_name == '.')
			continue;
		if (replay_file(dirfd(dir), e->d_name) < 0)
			return -1;
		++*count;
	}
	return 0;
}

int main(int argc, char **argv)
{
	size_t count = 0;

	for (int i = 1; i < argc; i++)
		if (replay_dir(argv[i], &count) < 0)
			return 1;
	printf("1..1\nok 1 - %zu inputs\n", count);
	return count > 0 ? 0 : 1;
}
