#include "distill/held_out.h"

#include "lyceum/memory.h"
#include "lyceum/random.h"

lyc_status lyc__held_out_open(lyc__held_out_draw *draw, const lyc__job *job, size_t students,
                              lyc_error *err) {
    const lyc_agent_options *agent = &job->config->agent;
    uint32_t held_out = job->splits->count[LYC_SPLIT_REWARD], count = (uint32_t)agent->credit.samples;
    if (count > held_out) count = held_out;
    LYC_TRY(LYC_NEW_ARRAY(draw->permutation, held_out, err));
    LYC_TRY(LYC_NEW_ARRAY(draw->rows, count, err));
    LYC_TRY(LYC_NEW_ARRAY(draw->labels, count, err));
    draw->samples = (lyc__held_out){.rows = draw->rows, .labels = draw->labels, .count = count};
    draw->room = lyc__reward_room(agent->reward.kind, count, (size_t)job->classes);
    return draw->room > 0 ? LYC_NEW_ARRAY(draw->rooms, students * draw->room, err) : LYC_OK;
}

void lyc__held_out_close(lyc__held_out_draw *draw) {
    lyc_free(draw->rooms);
    lyc_free(draw->labels);
    lyc_free(draw->rows);
    lyc_free(draw->permutation);
}

void lyc__held_out_take(lyc__held_out_draw *draw, const lyc__job *job, uint64_t step) {
    lyc_random_key key = {.seed = job->config->train.seed,
                          .purpose = LYC_PURPOSE_REWARD,
                          .epoch = (uint32_t)(step / job->steps_per_epoch),
                          .step = (uint32_t)(step % job->steps_per_epoch)};
    lyc_random_permutation(key, draw->permutation, job->splits->count[LYC_SPLIT_REWARD]);
    for (uint32_t i = 0; i < draw->samples.count; i++) {
        draw->rows[i] = job->splits->rows[LYC_SPLIT_REWARD][draw->permutation[i]];
        draw->labels[i] = job->splits->labels[draw->rows[i]];
    }
}

lyc_status lyc__held_out_measure(const lyc__held_out_draw *draw, lyc__job *job, lyc_student *student,
                                 lyc_priority priority, size_t place, double *out, lyc_error *err) {
    float *room = draw->rooms == NULL ? NULL : draw->rooms + place * draw->room;
    return lyc__reward_measure(job, student, &draw->samples, priority, room, out, err);
}
