/* The result of a run as JSON: what result.json holds and what `--json` prints. */
#ifndef LYCEUM_DISTILL_RESULT_JSON_H
#define LYCEUM_DISTILL_RESULT_JSON_H

#include "base/json_writer.h"
#include "lyceum/distill.h"

/* Starts `json` (pretty) and writes the whole object; the caller finishes it. */
void lyc__run_result_json(lyc__json *json, const lyc_config *config, const lyc_run_result *result);
void lyc__logit_error_json(lyc__json *json, const char *key, const lyc_logit_error *error);
void lyc__metrics_json(lyc__json *json, const char *key, const lyc_metrics *metrics);

#endif
