/* The directory of a run: made, locked against a second writer, its log appended to.
 *
 *   lock            held (flock) while the run lasts
 *   config.json     as resolved
 *   log.jsonl       one JSON object a line: start, epochs, resume, stop, result
 *   run.h5, checkpoints/, student.h5 or model.h5, result.json
 */
#ifndef LYCEUM_DISTILL_RUN_DIRECTORY_H
#define LYCEUM_DISTILL_RUN_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "lyceum/error.h"

typedef struct lyc__directory lyc__directory;

#define LYC__PATH_SIZE 4096

/* Makes and locks `path`, and writes nothing else there. LYC_EBUSY when another process holds it; LYC_ECONFIG
 * when it holds a run already and `resume` is false, or files of a run's names that no run has left there.
 * `*holds_run` tells whether there is something to resume. */
LYC_MUST_USE lyc_status lyc__directory_open(lyc__directory **out, const char *path, bool resume, bool *holds_run,
                                            lyc_error *err);
/* Unlocks. Where no run has begun, the directory goes again as far as it was made. */
void lyc__directory_close(lyc__directory *directory);
/* "<directory>/<name>" in `out`. */
void lyc__directory_file(const lyc__directory *directory, const char *name, char out[LYC__PATH_SIZE]);
bool lyc__directory_has(const lyc__directory *directory, const char *name);
/* A run starts at its first step: writes config.json. LYC_EMISMATCH when the directory holds a run of another
 * configuration. */
LYC_MUST_USE lyc_status lyc__directory_begin(lyc__directory *directory, const char *config, bool holds_run, lyc_error *err);
/* Before the first of the three below. A run that goes on has a log already: without `create` it must be there. */
LYC_MUST_USE lyc_status lyc__directory_log_open(lyc__directory *directory, bool create, lyc_error *err);
/* Appends one line to log.jsonl. */
LYC_MUST_USE lyc_status lyc__directory_log(lyc__directory *directory, const char *line, lyc_error *err);
uint64_t lyc__directory_log_bytes(const lyc__directory *directory);
/* Cuts log.jsonl back to the length that a checkpoint knows. */
LYC_MUST_USE lyc_status lyc__directory_log_truncate(lyc__directory *directory, uint64_t bytes, lyc_error *err);

#endif
