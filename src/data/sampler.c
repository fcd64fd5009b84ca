/* Batches: slices of one permutation an epoch. */
#include <inttypes.h>

#include "lyceum/dataset.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"

struct lyc_sampler {
    uint32_t *rows;     /* [count], as given */
    uint32_t *shuffled; /* [count], rows in the order of `epoch` */
    uint32_t count, batch, epoch;
    int views;
    bool drawn; /* `shuffled` is valid */
    uint64_t seed;
};

lyc_status lyc_sampler_create(lyc_sampler **out, const uint32_t *rows, uint32_t count, uint32_t batch,
                              int views, uint64_t seed, lyc_error *err) {
    lyc_status status;
    lyc_sampler *sampler = NULL;
    *out = NULL;
    if (count == 0) LYC_FAIL(err, LYC_ECONFIG, "there are no rows to make batches of");
    if (batch == 0) LYC_FAIL(err, LYC_ECONFIG, "train.batch is 0; a batch has at least one row");
    if (views < 1) LYC_FAIL(err, LYC_ECONFIG, "data.augment.views is %d; there is at least one view", views);
    LYC_TRY(LYC_NEW_ARRAY(sampler, 1, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(sampler->rows, count, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(sampler->shuffled, count, err));
    for (uint32_t i = 0; i < count; i++) sampler->rows[i] = rows[i];
    sampler->count = count;
    sampler->batch = batch;
    sampler->views = views;
    sampler->seed = seed;
    *out = sampler;
    sampler = NULL;
done:
    lyc_sampler_destroy(sampler);
    return status;
}

void lyc_sampler_destroy(lyc_sampler *sampler) {
    if (!sampler) return;
    lyc_free(sampler->rows);
    lyc_free(sampler->shuffled);
    lyc_free(sampler);
}

uint32_t lyc_sampler_steps(const lyc_sampler *sampler) {
    return sampler->count / sampler->batch + (sampler->count % sampler->batch != 0);
}

static void shuffle(lyc_sampler *sampler, uint32_t epoch) {
    lyc_random_key key = {.seed = sampler->seed, .purpose = LYC_PURPOSE_SHUFFLE, .epoch = epoch};
    lyc_random_permutation(key, sampler->shuffled, sampler->count);
    for (uint32_t i = 0; i < sampler->count; i++) sampler->shuffled[i] = sampler->rows[sampler->shuffled[i]];
    sampler->epoch = epoch;
    sampler->drawn = true;
}

void lyc_sampler_batch(lyc_sampler *sampler, uint32_t epoch, uint32_t step, lyc_batch *out) {
    if (!sampler->drawn || sampler->epoch != epoch) shuffle(sampler, epoch);
    *out = (lyc_batch){.epoch = epoch, .step = step, .view = (int)(epoch % (uint32_t)sampler->views)};
    uint64_t first = (uint64_t)step * sampler->batch;
    if (first >= sampler->count) return; /* past the end: an empty batch */
    uint32_t left = sampler->count - (uint32_t)first;
    out->count = left < sampler->batch ? left : sampler->batch;
    out->rows = sampler->shuffled + first;
}
