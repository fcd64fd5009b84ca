/* What the learned strategy may cost, in epochs of a rule that does not learn. */
#include <math.h>

#include "distill/ablation.h"
#include "lyceum/dataset.h"
#include "lyceum/network.h"

typedef struct costs {
    double train, forward; /* of the student, a row */
    double rows, steps;    /* of an epoch */
    double samples;        /* that a reward is measured on */
} costs;

static lyc_status find_costs(const lyc_config *config, const lyc_dataset *data, costs *out, lyc_error *err) {
    lyc_splits *splits = NULL;
    lyc_network *network = NULL;
    lyc_network_spec spec = config->network;
    spec.classes = lyc_dataset_classes(data);
    lyc_dataset_shape(data, &spec.channels, &spec.height, &spec.width);
    lyc_status status;
    LYC_TRY_GOTO(lyc_splits_create(&splits, data, &config->data.split, err));
    LYC_TRY_GOTO(lyc_network_create(&network, &spec, err));
    out->train = lyc_network_flops_train(network);
    out->forward = lyc_network_flops_forward(network);
    out->rows = (double)splits->count[LYC_SPLIT_TRAIN];
    out->steps = ceil(out->rows / (double)config->train.batch);
    out->samples = fmin((double)config->agent.credit.samples, (double)splits->count[LYC_SPLIT_REWARD]);
done:
    lyc_network_destroy(network);
    lyc_splits_destroy(splits);
    return status;
}

/* Probes: two clones take `steps` steps each, of whole batches, and they and the student are measured. On
 * policy: two measurements an interval. */
static double credit_flops(const lyc_config *config, const costs *it) {
    double total = it->steps * (double)config->train.epochs, held_out = it->samples * it->forward;
    double steps = (double)config->agent.credit.steps;
    if (config->agent.credit.kind == LYC_CREDIT_ON_POLICY) return 2 * ceil(total / steps) * held_out;
    double pair = 2 * steps * fmin((double)config->train.batch, it->rows) * it->train + 3 * held_out;
    return ceil(total / (double)config->agent.credit.every) * pair;
}

lyc_status lyc__ablation_epochs(const lyc_config *config, uint32_t *out, lyc_error *err) {
    lyc_dataset *data = NULL;
    costs it = {0};
    LYC_TRY(lyc_dataset_open(&data, config->data.path, err));
    lyc_status status = find_costs(config, data, &it, err);
    lyc_dataset_close(data);
    LYC_TRY(status);
    double more = ceil(credit_flops(config, &it) / (it.train * it.rows));
    *out = config->train.epochs + (uint32_t)fmin(more, 1e6);
    return LYC_OK;
}
