/* weir_version.c - the shared library's one source of its own; the rest is linked in whole. */
#include "weir.h"

/* So that the file is no empty translation unit. */
typedef struct weir weir_is_opaque;
