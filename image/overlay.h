/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways to mount an overlay one by one, so that a test can take the paths old kernels take. */
#ifndef IMAGE_OVERLAY_H
#define IMAGE_OVERLAY_H

#include <crun-lite/image.h>

enum overlay_way {
	OVERLAY_LOWERDIR_PLUS, /* Linux 6.8 and newer */
	OVERLAY_ONE_STRING,    /* fsconfig, 255 bytes */
	OVERLAY_CHILD,         /* mount(2) in a child's namespace, one page */
};
/* CRL_UNSUPPORTED: this kernel or this number of layers needs another way. */
int overlay_mount_by(const struct crl_overlay *o, enum overlay_way way, int *ret_fd,
		     struct crl_err *err);

#endif
