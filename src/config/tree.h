/* JSON text to a cJSON tree, and overrides on it. All memory of the tree comes from lyceum/memory.h. */
#ifndef LYCEUM_CONFIG_TREE_H
#define LYCEUM_CONFIG_TREE_H

#include <stddef.h>

#include "config/fields.h"

struct cJSON;

/* Strict: LYC_ECONFIG with "origin:line:column: reason", LYC_ENOMEM. The caller frees with cJSON_Delete. */
LYC_MUST_USE lyc_status lyc__tree_parse(struct cJSON **out, const char *text, size_t size, const char *origin,
                                        lyc_error *err);

/* The same for a file, of LYC__CONFIG_BYTES at most. LYC_ECONFIG also when it cannot be read. */
LYC_MUST_USE lyc_status lyc__tree_load(struct cJSON **out, const char *path, lyc_error *err);

/* Applies "path.to.key=value": the value is JSON, or else text; for a key that holds text it is always taken
 * as it is, unless it is quoted. What is missing above the key is made. Problems go to the list. */
void lyc__tree_set(struct cJSON *root, const char *assignment, lyc_config_command command,
                   lyc__problems *problems);

#endif
