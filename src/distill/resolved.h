/* The configuration that a run was started with, config.json in its directory, against the one that is asked
 * for. */
#ifndef LYCEUM_DISTILL_RESOLVED_H
#define LYCEUM_DISTILL_RESOLVED_H

#include <stdbool.h>

#include "lyceum/config.h"

/* Reads the file. They are the same when they say the same of every key but `output`, which changes when a
 * directory is moved; a key that the file lacks, since an earlier version wrote it, has its default. *text is
 * then what the file holds, the caller's (lyc_free). NULL where there is no such file, which sets *same as
 * well, or where they differ. */
LYC_MUST_USE lyc_status lyc__resolved_compare(const char *path, const lyc_config *config, bool *same,
                                              char **text, lyc_error *err);

#endif
