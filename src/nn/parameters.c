/* Parameters between files and the block, and their initial values. */
#include "lyceum/random.h"
#include "nn/network.h"

/* Where the block keeps element `place` of the file. */
static size_t block_place(const lyc__param *param, size_t place) {
    const size_t pixels = param->layout.height * param->layout.width;
    const size_t pixel = place % pixels, channel = place / pixels % param->layout.channels;
    const size_t outer = place / pixels / param->layout.channels;
    return (pixel * param->layout.channels + channel) * param->layout.outer + outer;
}

void lyc_network_export(const lyc_network *net, size_t index, const float *block, float *file_order) {
    const lyc__param *param = net->params[index];
    for (size_t i = 0; i < param->size; i++) file_order[i] = block[param->offset + block_place(param, i)];
}

void lyc_network_import(const lyc_network *net, size_t index, const float *file_order, float *block) {
    const lyc__param *param = net->params[index];
    for (size_t i = 0; i < param->size; i++) block[param->offset + block_place(param, i)] = file_order[i];
}

static double draw(lyc__law law, lyc_random *random) {
    switch (law) {
    case LYC__LAW_UNIFORM:
        return 2 * lyc_random_uniform(random) - 1;
    case LYC__LAW_NORMAL:
        return lyc_random_normal(random);
    case LYC__LAW_CONSTANT:
        break;
    }
    return 1;
}

void lyc_network_init(const lyc_network *net, uint64_t seed, float *block) {
    for (size_t i = 0; i < net->parameter_count; i++) {
        const lyc__param *param = net->params[i];
        lyc_random random = lyc_random_start(
            (lyc_random_key){.seed = seed, .purpose = LYC_PURPOSE_INIT, .sample = (uint32_t)i});
        float *values = block + param->offset;
        for (size_t j = 0; j < param->size; j++)
            values[j] = (float)(draw(param->law, &random) * param->bound);
        for (size_t j = 0; j < param->blank.count; j++) values[param->blank.first + j] = 0;
    }
}
