/* Learning-rate schedules: one row of the table each, after a linear warm-up that they share. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "lyceum/network.h"

typedef struct schedule {
    const char *name, *doc;
    double (*factor)(double progress); /* progress in [0, 1) since the warm-up */
} schedule;

static double constant(double progress) {
    (void)progress;
    return 1;
}

/* Loshchilov and Hutter 2017 (arXiv 1608.03983), one period, no restarts. */
static double cosine(double progress) {
    return 0.5 * (1 + cos(3.14159265358979323846 * progress));
}

static const schedule table[] = {
    {"constant", "the same rate throughout", constant},
    {"cosine", "falls along half a cosine towards 0", cosine},
};

const char *lyc_schedule_name(size_t index) {
    return index < sizeof table / sizeof *table ? table[index].name : NULL;
}

const char *lyc_schedule_doc(size_t index) {
    return index < sizeof table / sizeof *table ? table[index].doc : NULL;
}

double lyc_schedule_factor(const char *kind, double warmup, uint64_t step, uint64_t total) {
    const double rising = floor(warmup * (double)total), now = (double)step;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, kind) != 0) continue;
        if (now < rising) return (now + 1) / rising;
        const double rest = (double)total - rising;
        if (rest < 1) return 1; /* all of it is warm-up */
        return table[i].factor(step < total ? (now - rising) / rest : (rest - 1) / rest);
    }
    return NAN;
}
