#include "distill/result_json.h"

void lyc__metrics_json(lyc__json *json, const char *key, const lyc_metrics *metrics) {
    lyc__json_object_inline(json, key);
    lyc__json_unsigned(json, "rows", metrics->rows);
    lyc__json_number(json, "accuracy", metrics->accuracy);
    lyc__json_number(json, "nll", metrics->nll);
    lyc__json_number(json, "brier", metrics->brier);
    lyc__json_number(json, "ece_15_bins", metrics->ece);
    lyc__json_number(json, "f1_macro", metrics->f1_macro);
    lyc__json_number(json, "matthews", metrics->matthews);
    lyc__json_end(json);
}

void lyc__logit_error_json(lyc__json *json, const char *key, const lyc_logit_error *error) {
    lyc__json_object_inline(json, key);
    lyc__json_unsigned(json, "rows", error->rows);
    lyc__json_number(json, "largest", error->largest);
    lyc__json_number(json, "mean", error->mean);
    lyc__json_number(json, "changed_answers", error->changed);
    lyc__json_end(json);
}

void lyc__run_result_json(lyc__json *json, const lyc_config *config, const lyc_run_result *result) {
    lyc__json_start(json, true);
    lyc__json_object(json, NULL);
    lyc__json_text(json, "name", config->name);
    lyc__json_text(json, "output", config->output);
    lyc__json_unsigned(json, "steps", result->steps);
    lyc__json_unsigned(json, "best_epoch", result->best_epoch);
    lyc__json_object_inline(json, "rows");
    for (int split = 0; split < LYC_SPLIT_COUNT; split++)
        lyc__json_unsigned(json, lyc_split_name((lyc_split)split), result->split_rows[split]);
    lyc__json_unsigned(json, "labelled", result->labelled);
    lyc__json_end(json);
    lyc__metrics_json(json, "valid", &result->valid);
    lyc__metrics_json(json, "test", &result->test);
    lyc__json_unsigned(json, "test_touched", result->test_touched);
    lyc__json_number(json, "greedy_valid_accuracy", result->greedy_valid_accuracy);
    lyc__json_number(json, "seconds", result->seconds);
    lyc__json_object_inline(json, "threads");
    lyc__json_integer(json, "count", result->threads);
    lyc__json_number(json, "busy_least", result->busy_least);
    lyc__json_number(json, "busy_mean", result->busy_mean);
    lyc__json_end(json);
    lyc__json_text(json, "fingerprint", result->fingerprint);
    lyc__json_end(json);
}
