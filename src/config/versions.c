#include "config/versions.h"

#include <cjson/cJSON.h>
#include <stdio.h>

void lyc__cjson_version(char out[LYC__VERSION_SIZE]) {
    snprintf(out, LYC__VERSION_SIZE, "%s", cJSON_Version());
}
