/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's own cage. */
#ifndef DAEMON_SELF_H
#define DAEMON_SELF_H

#include <crun-lite/err.h>

/*
 * Gives up what this process never does itself: capabilities for modules, clocks, reboot, raw
 * devices, tracing of the kernel; and memory that is written first and run later. What it starts
 * has them again, because a program that root executes gets the bounding set: monitors need them
 * for --privileged containers. That is why there is no seccomp filter here and the bounding set
 * stays: both would be the containers' as well.
 */
int self_confine(struct crl_err *err);

#endif
