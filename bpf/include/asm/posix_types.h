/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* As types.h. */
#include <asm-generic/posix_types.h>
