/* A run as one JSON object. */
#include "base/json_writer.h"
#include "lyceum/inspect.h"
#include "lyceum/run_layout.h"
#include "report/inspect.h"

static void write_numbers(lyc__json *json, const char *key, const double *values, size_t count) {
    lyc__json_array_inline(json, key);
    for (size_t i = 0; i < count; i++) lyc__json_number(json, NULL, values[i]);
    lyc__json_end(json);
}

static void write_texts(lyc__json *json, const char *key, const char *const *texts, size_t count) {
    lyc__json_array_inline(json, key);
    for (size_t i = 0; i < count; i++) lyc__json_text(json, NULL, texts[i]);
    lyc__json_end(json);
}

static void write_teacher(lyc__json *json, const lyc_inspection *run, const lyc_inspected_teacher *teacher) {
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"reward_ce", teacher->reward_ce},
        {"reward_accuracy", teacher->reward_accuracy},
        {"valid_ce", teacher->valid_ce},
        {"valid_accuracy", teacher->valid_accuracy},
        {"selection_rate", teacher->select_rate},
        {"mean_weight", teacher->mean_weight},
        {"first_quarter_weight", teacher->first_weight},
        {"last_quarter_selection_rate", teacher->last_select_rate},
        {"last_quarter_weight", teacher->last_weight},
    };
    lyc__json_object(json, NULL);
    lyc__json_text(json, "name", teacher->name);
    lyc__json_text(json, "kind", teacher->kind);
    lyc__json_text(json, "fingerprint", teacher->fingerprint);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        lyc__json_number(json, numbers[i].key, numbers[i].value);
    lyc__json_object_inline(json, "credit");
    lyc__json_number(json, "mean", teacher->credit);
    lyc__json_number(json, "standard_error", teacher->credit_error);
    lyc__json_unsigned(json, "pairs", teacher->credit_pairs);
    lyc__json_end(json);
    lyc__json_object_inline(json, "worth");
    lyc__json_number(json, "mean", teacher->worth);
    lyc__json_number(json, "low", teacher->worth_low);
    lyc__json_number(json, "high", teacher->worth_high);
    lyc__json_unsigned(json, "pairs", run->worth_pairs);
    lyc__json_end(json);
    if (teacher->dropped) lyc__json_unsigned(json, "dropped_after_step", teacher->dropped_after);
    else lyc__json_null(json, "dropped_after_step");
    lyc__json_text(json, "verdict", teacher->verdict);
    write_numbers(json, "weight_by_class", teacher->class_weight, run->class_count);
    write_numbers(json, "selection_by_class", teacher->class_select, run->class_count);
    write_numbers(json, "selection_over_time", teacher->select.values, teacher->select.count);
    write_numbers(json, "weight_over_time", teacher->weight.values, teacher->weight.count);
    lyc__json_end(json);
}

static void write_curves(lyc__json *json, const lyc_inspection *run) {
    lyc__json_object(json, "over_time");
    lyc__json_unsigned(json, "window", run->window);
    lyc__json_array_inline(json, "steps");
    for (size_t i = 0; i < run->points; i++) lyc__json_unsigned(json, NULL, run->window_end[i]);
    lyc__json_end(json);
    for (size_t i = 0; i < LYC_INSPECT_CURVES; i++)
        write_numbers(json, run->curves[i].name, run->curves[i].values.values, run->curves[i].values.count);
    lyc__json_end(json);
}

static void write_changes(lyc__json *json, const lyc_inspection *run) {
    lyc__json_array(json, "changes");
    for (size_t i = 0; i < run->change_count; i++) {
        lyc__json_object(json, NULL);
        lyc__json_unsigned(json, "after_step", run->changes[i].after);
        write_numbers(json, "weight_before", run->changes[i].before_weight, run->teacher_count);
        write_numbers(json, "weight_after", run->changes[i].after_weight, run->teacher_count);
        lyc__json_end(json);
    }
    lyc__json_end(json);
}

static void write_mixture(lyc__json *json, const lyc_inspection *run, const lyc_inspected_mixture *mixture) {
    lyc__json_object(json, NULL);
    lyc__json_text(json, "without", mixture->without < 0 ? NULL : run->teachers[mixture->without].name);
    lyc__json_number(json, "accuracy", mixture->accuracy);
    lyc__json_number(json, "nll", mixture->nll);
    write_numbers(json, "class_rows", mixture->class_rows, run->class_count);
    write_numbers(json, "class_accuracy", mixture->class_accuracy, run->class_count);
    write_numbers(json, "class_nll", mixture->class_nll, run->class_count);
    write_numbers(json, "confidence_rows", mixture->bin_rows, LYC_RUN_BINS);
    write_numbers(json, "confidence_accuracy", mixture->bin_accuracy, LYC_RUN_BINS);
    write_numbers(json, "confidence_nll", mixture->bin_nll, LYC_RUN_BINS);
    lyc__json_end(json);
}

static void write_mixtures(lyc__json *json, const lyc_inspection *run) {
    static const double edges[LYC_RUN_BINS - 1] = LYC_RUN_BIN_EDGES;
    lyc__json_object(json, "mixture_on_reward");
    write_numbers(json, "confidence_edges", edges, LYC_RUN_BINS - 1);
    lyc__json_array(json, "mixtures");
    for (size_t i = 0; i < run->mixture_count; i++) write_mixture(json, run, &run->mixtures[i]);
    lyc__json_end(json);
    lyc__json_end(json);
}

static void write_stages(lyc__json *json, const lyc_inspection *run) {
    lyc__json_object_inline(json, "seconds");
    for (size_t i = 0; i < LYC_INSPECT_STAGES; i++)
        lyc__json_number(json, run->stages[i].name, run->stages[i].seconds);
    lyc__json_end(json);
}

static void write_epoch(lyc__json *json, const lyc_inspected_epoch *epoch) {
    lyc__json_object_inline(json, NULL);
#define NUMBER(name) lyc__json_number(json, #name, epoch->name)
    NUMBER(epoch);
    NUMBER(loss_total);
    NUMBER(loss_ce);
    NUMBER(loss_kd);
    NUMBER(valid_accuracy);
    NUMBER(valid_nll);
    NUMBER(reward_accuracy);
    NUMBER(reward_nll);
    NUMBER(lr);
    NUMBER(seconds);
#undef NUMBER
    lyc__json_end(json);
}

static void write_evaluation(lyc__json *json, const lyc_inspected_evaluation *measured) {
    lyc__json_object_inline(json, NULL);
    lyc__json_text(json, "split", measured->split);
#define NUMBER(name) lyc__json_number(json, #name, measured->name)
    NUMBER(rows);
    NUMBER(accuracy);
    NUMBER(nll);
    NUMBER(brier);
    NUMBER(ece);
    NUMBER(f1_macro);
    NUMBER(matthews);
    NUMBER(epoch);
    NUMBER(touched);
#undef NUMBER
    lyc__json_end(json);
}

void lyc__inspect_write(lyc__json *json, const lyc_inspection *run) {
    lyc__json_object(json, NULL);
    lyc__json_text(json, "name", run->name);
    lyc__json_text(json, "strategy", run->strategy);
    lyc__json_text(json, "status", lyc_phase_name(run->phase));
    lyc__json_unsigned(json, "steps", run->steps);
    lyc__json_unsigned(json, "total_steps", run->total_steps);
    lyc__json_unsigned(json, "steps_per_epoch", run->steps_per_epoch);
    lyc__json_unsigned(json, "probes", run->probes);
    lyc__json_text(json, "credit_by", run->credit_by_weight ? "weight" : "selection");
    write_texts(json, "classes", run->class_names, run->class_count);
    lyc__json_array(json, "teachers");
    for (size_t k = 0; k < run->teacher_count; k++) write_teacher(json, run, &run->teachers[k]);
    lyc__json_end(json);
    write_changes(json, run);
    write_mixtures(json, run);
    write_stages(json, run);
    write_curves(json, run);
    lyc__json_array(json, "epochs");
    for (size_t i = 0; i < run->epoch_count; i++) write_epoch(json, &run->epochs[i]);
    lyc__json_end(json);
    lyc__json_array(json, "evaluation");
    for (size_t i = 0; i < run->evaluation_count; i++) write_evaluation(json, &run->evaluations[i]);
    lyc__json_end(json);
    lyc__json_end(json);
}

lyc_status lyc_inspect_json(const lyc_inspection *run, char **out, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__inspect_write(&json, run);
    return lyc__json_finish(&json, out, err);
}
