/* The version of the library that is loaded. */
#ifndef LYCEUM_VERSION_H
#define LYCEUM_VERSION_H

#include "lyceum/export.h"

LYC_BEGIN_DECLS

/* "0.1.0"; never NULL. Thread-safe. */
LYC_API const char *lyc_version(void);

LYC_END_DECLS

#endif
