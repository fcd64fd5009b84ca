/* The kinds of planted teachers: what each does to the source's logits. */
#include <math.h>
#include <string.h>

#include "base/argmax.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"
#include "teachers/plant.h"

static float *logits_of(const lyc__planting *planting, int view, size_t row) {
    return planting->file.logits[view] + row * (size_t)planting->file.classes;
}

static void swap_logits(float *logits, int32_t a, int32_t b) {
    float kept = logits[a];
    logits[a] = logits[b];
    logits[b] = kept;
}

/* The row answers `wanted` in every view, with the logit of what it answered before. */
static void answer_instead(const lyc__planting *planting, size_t row, int32_t wanted) {
    for (int view = 0; view < planting->file.views; view++) {
        float *logits = logits_of(planting, view, row);
        swap_logits(logits, lyc__argmax(logits, planting->file.classes), wanted);
    }
}

/* The known class, other than `but`, with the largest logit. */
static int32_t likeliest_but(const lyc__planting *planting, const float *logits, int32_t but) {
    int32_t best = -1;
    for (size_t i = 0; i < planting->known_count; i++) {
        int32_t c = planting->known[i];
        if (c != but && (best < 0 || logits[c] > logits[best])) best = c;
    }
    return best;
}

static lyc_status need_classes(const lyc__planting *planting, lyc_error *err) {
    if (planting->known_count >= 2) return LYC_OK;
    LYC_FAIL(err, LYC_EUSAGE, "%s: knows %zu class; a teacher of one class cannot answer wrongly",
             planting->options->source, planting->known_count);
}

static lyc_status need_share(const lyc__planting *planting, lyc_error *err) {
    double share = planting->options->share;
    if (share >= 0.0 && share <= 1.0) return LYC_OK;
    LYC_FAIL(err, LYC_EUSAGE, "a share of %g of the rows cannot be wrong; give a number from 0 to 1", share);
}

/* ---- scrambled ------------------------------------------------------------------------------------ */

/* One cycle through all classes (Sattolo 1986), so that none stays what it is. */
static lyc_status draw_cycle(const lyc__planting *planting, int32_t **out, lyc_error *err) {
    uint32_t classes = (uint32_t)planting->file.classes;
    int32_t *cycle;
    lyc_random random =
        lyc_random_start((lyc_random_key){.seed = planting->options->seed, .purpose = LYC_PURPOSE_PLANT});
    LYC_TRY(LYC_NEW_ARRAY(cycle, classes, err));
    for (uint32_t c = 0; c < classes; c++) cycle[c] = (int32_t)c;
    for (uint32_t c = classes; c-- > 1;) {
        uint32_t other = lyc_random_below(&random, c);
        int32_t kept = cycle[c];
        cycle[c] = cycle[other];
        cycle[other] = kept;
    }
    *out = cycle;
    return LYC_OK;
}

static lyc_status scramble(lyc__planting *planting, float *const *views, lyc_error *err) {
    size_t classes = (size_t)planting->file.classes;
    float *kept;
    if (classes < 2)
        LYC_FAIL(err, LYC_EUSAGE, "%s has one class: nothing to scramble", planting->options->source);
    LYC_TRY(draw_cycle(planting, &planting->permutation, err));
    LYC_TRY(LYC_NEW_ARRAY(kept, classes, err));
    for (int view = 0; view < planting->file.views; view++)
        for (size_t row = 0; row < planting->file.rows; row++) {
            float *logits = views[view] + row * classes;
            memcpy(kept, logits, classes * sizeof *kept);
            for (size_t c = 0; c < classes; c++) logits[planting->permutation[c]] = kept[c];
        }
    lyc_free(kept);
    return LYC_OK;
}

static lyc_status apply_scrambled(lyc__planting *planting, lyc_error *err) {
    return scramble(planting, planting->file.logits, err);
}

/* ---- noisy ---------------------------------------------------------------------------------------- */

/* A known class other than the answer in view 0, each as likely. */
static int32_t draw_other(const lyc__planting *planting, size_t row) {
    int32_t answer = lyc__argmax(logits_of(planting, 0, row), planting->file.classes);
    uint32_t drawn =
        lyc__plant_draw(planting, lyc_dataset_ids(planting->data)[row], (uint32_t)planting->known_count - 1);
    for (size_t i = 0; i < planting->known_count; i++) {
        if (planting->known[i] == answer) continue;
        if (drawn-- == 0) return planting->known[i];
    }
    return answer;
}

static lyc_status apply_noisy(lyc__planting *planting, lyc_error *err) {
    uint8_t *chosen;
    LYC_TRY(need_share(planting, err));
    LYC_TRY(need_classes(planting, err));
    LYC_TRY(LYC_NEW_ARRAY(chosen, planting->file.rows, err));
    lyc_status status = lyc__plant_choose(planting, planting->options->share, NULL, chosen, err);
    for (size_t row = 0; status == LYC_OK && row < planting->file.rows; row++)
        if (chosen[row]) answer_instead(planting, row, draw_other(planting, row));
    lyc_free(chosen);
    return status;
}

/* ---- overconfident -------------------------------------------------------------------------------- */

/* By how much the source prefers the truth, in view 0. */
static double sureness(const lyc__planting *planting, size_t row) {
    const float *logits = logits_of(planting, 0, row);
    int32_t truth = planting->truth[row];
    return (double)logits[truth] - (double)logits[likeliest_but(planting, logits, truth)];
}

/* `answer` gets the margin over every other class; what lies below keeps its logits. */
static void sharpen(const lyc__planting *planting, size_t row, int32_t answer) {
    for (int view = 0; view < planting->file.views; view++) {
        float *logits = logits_of(planting, view, row);
        logits[answer] = logits[likeliest_but(planting, logits, answer)] + (float)planting->options->margin;
    }
}

static int32_t confident_answer(const lyc__planting *planting, size_t row, bool wrong) {
    const float *logits = logits_of(planting, 0, row);
    int32_t truth = planting->truth[row];
    if (wrong || logits[truth] == -INFINITY) return likeliest_but(planting, logits, truth);
    return truth;
}

static lyc_status apply_overconfident(lyc__planting *planting, lyc_error *err) {
    const lyc_plant_options *options = planting->options;
    uint8_t *chosen = NULL;
    double *score = NULL;
    lyc_status status;
    LYC_TRY(need_share(planting, err));
    LYC_TRY(need_classes(planting, err));
    if (!(options->margin > 0.0 && options->margin <= 1000.0))
        LYC_FAIL(err, LYC_EUSAGE, "a margin of %g is none; give a number above 0, at most 1000",
                 options->margin);
    LYC_TRY_GOTO(LYC_NEW_ARRAY(chosen, planting->file.rows, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(score, planting->file.rows, err));
    for (size_t row = 0; row < planting->file.rows; row++) score[row] = sureness(planting, row);
    LYC_TRY_GOTO(lyc__plant_choose(planting, options->share, options->errors == LYC_PLANT_HARD ? score : NULL,
                                   chosen, err));
    for (size_t row = 0; row < planting->file.rows; row++)
        sharpen(planting, row, confident_answer(planting, row, chosen[row] != 0));
done:
    lyc_free(score);
    lyc_free(chosen);
    return status;
}

/* ---- specialist ----------------------------------------------------------------------------------- */

static lyc_status mark_classes(const lyc__planting *planting, uint8_t *own, lyc_error *err) {
    const lyc_plant_options *options = planting->options;
    if (options->class_count == 0 || options->class_count >= (size_t)planting->file.classes)
        LYC_FAIL(err, LYC_EUSAGE, "a specialist of %zu of %d classes is none; name some, but not all",
                 options->class_count, planting->file.classes);
    for (size_t i = 0; i < options->class_count; i++) {
        int32_t c = options->classes[i];
        if (c < 0 || c >= planting->file.classes || own[c])
            LYC_FAIL(err, LYC_EUSAGE, "class %d %s", c,
                     c >= 0 && c < planting->file.classes ? "is named twice" : "is not in the data set");
        own[c] = 1;
    }
    return LYC_OK;
}

/* In each view the likeliest of its own classes; one of them the source must know. */
static void answer_own(const lyc__planting *planting, size_t row) {
    for (int view = 0; view < planting->file.views; view++) {
        float *logits = logits_of(planting, view, row);
        int32_t best = planting->options->classes[0];
        for (size_t i = 1; i < planting->options->class_count; i++)
            if (logits[planting->options->classes[i]] > logits[best]) best = planting->options->classes[i];
        if (logits[best] != -INFINITY)
            swap_logits(logits, lyc__argmax(logits, planting->file.classes), best);
    }
}

static lyc_status apply_specialist(lyc__planting *planting, lyc_error *err) {
    uint8_t *own = NULL;
    uint32_t *rank = NULL;
    lyc_status status;
    LYC_TRY_GOTO(LYC_NEW_ARRAY(own, (size_t)planting->file.classes, err));
    LYC_TRY_GOTO(mark_classes(planting, own, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(rank, planting->file.rows, err));
    LYC_TRY_GOTO(lyc__plant_rank(planting, rank, err));
    for (size_t row = 0; row < planting->file.rows; row++) {
        if (own[planting->truth[row]]) continue;
        if (planting->options->elsewhere == LYC_PLANT_WRONG) answer_own(planting, row);
        else answer_instead(planting, row, planting->known[rank[row] % planting->known_count]);
    }
done:
    lyc_free(rank);
    lyc_free(own);
    return status;
}

/* ---- until, slow ---------------------------------------------------------------------------------- */

static lyc_status copy_views(const lyc__recorded_file *file, float ***out, lyc_error *err) {
    size_t size = file->rows * (size_t)file->classes;
    LYC_TRY(LYC_NEW_ARRAY(*out, (size_t)file->views, err));
    for (int view = 0; view < file->views; view++) {
        LYC_TRY(lyc_allocate((void **)&(*out)[view], size, sizeof(float), "recorded logits", err));
        memcpy((*out)[view], file->logits[view], size * sizeof(float));
    }
    return LYC_OK;
}

static lyc_status take_other(lyc__planting *planting, lyc_error *err) {
    lyc__recorded_file *file = &planting->file, other;
    const char *path = planting->options->then;
    LYC_TRY(lyc__plant_read(&other, path, planting->data, planting->then_fingerprint, err));
    bool same_views = other.views == file->views &&
                      (file->views == 1 || (other.view_key != NULL && file->view_key != NULL &&
                                            strcmp(other.view_key, file->view_key) == 0));
    if (same_views) {
        file->later = other.logits;
        other.logits = NULL;
    }
    int views = other.views;
    lyc__recorded_file_release(&other);
    if (same_views) return LYC_OK;
    LYC_FAIL(err, LYC_EMISMATCH,
             "%s holds %d view%s, %s holds %d; both must have the same ones, by the same recipe (view_key)",
             planting->options->source, file->views, file->views == 1 ? "" : "s", path, views);
}

static lyc_status apply_until(lyc__planting *planting, lyc_error *err) {
    if (planting->options->until == 0)
        LYC_FAIL(err, LYC_EUSAGE, "until step 0 nothing would be left of the source; give a step from 1");
    planting->file.changes_at = planting->options->until;
    if (planting->options->then != NULL) return take_other(planting, err);
    LYC_TRY(copy_views(&planting->file, &planting->file.later, err));
    return scramble(planting, planting->file.later, err);
}

static lyc_status apply_slow(lyc__planting *planting, lyc_error *err) {
    double delay = planting->options->delay_seconds;
    if (!(delay > 0.0 && delay <= 3600.0))
        LYC_FAIL(err, LYC_EUSAGE, "a delay of %g seconds; give a number above 0, at most 3600", delay);
    planting->file.delay_seconds = delay;
    return LYC_OK;
}

static const lyc__plant_kind kinds[] = {
    {"scrambled", "every class answered as another one, by one cycle through all classes", 0,
     apply_scrambled},
    {"noisy", "a share of its answers replaced by other classes, drawn evenly", LYC_PLANT_TAKES_SHARE,
     apply_noisy},
    {"overconfident", "a share of the rows wrong, and sure of every row",
     LYC_PLANT_TAKES_SHARE | LYC_PLANT_TAKES_MARGIN | LYC_PLANT_TAKES_ERRORS, apply_overconfident},
    {"specialist", "the source on the rows of some classes, useless on all others",
     LYC_PLANT_TAKES_CLASSES | LYC_PLANT_TAKES_ELSEWHERE, apply_specialist},
    {"until", "the source up to a step of the run, from there on another",
     LYC_PLANT_TAKES_UNTIL | LYC_PLANT_TAKES_THEN, apply_until},
    {"slow", "the source, but each answer takes a given time", LYC_PLANT_TAKES_DELAY, apply_slow},
};

const lyc__plant_kind *lyc__plant_kind_at(size_t index) {
    return index < sizeof kinds / sizeof *kinds ? &kinds[index] : NULL;
}
