/* For tests that open damaged files: what HDF5 1.10 itself forgets to free when it refuses one is not ours.
 */
#ifndef LYC_TEST_HDF5_LEAKS_H
#define LYC_TEST_HDF5_LEAKS_H

#include "lyceum/export.h"

LYC_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libhdf5";
}

#endif
