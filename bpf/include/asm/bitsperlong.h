/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* As types.h. */
#define __BITS_PER_LONG 64
