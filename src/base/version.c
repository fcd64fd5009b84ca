#include "lyceum/version.h"

const char *lyc_version(void) {
    return LYC_VERSION;
}
