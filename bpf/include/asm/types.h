/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* For every target, so that the object for one architecture can be made on
 * another: the kernel's own headers are per architecture. */
#include <asm-generic/types.h>
